// @ts-check
/** Makes the chat page live. Without this file the page is a plain form. */

import { Refused, Stream, createConversation, deleteConversation, readMessages, sendMessage } from "./connection.js";
import { takeOverLetters } from "./letters.js";
import { element, messageItem, spoken, who } from "./render.js";

/** @typedef {import("./render.js").Message} Message */
/** @typedef {import("./connection.js").Status} Status */
/** @typedef {import("./connection.js").Ticket} Ticket */
/** @typedef {{client_message_id: string, text?: string, payload?: string}} Said */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing`);
  return found;
}

const page = {
  form: byId("form", HTMLFormElement),
  text: byId("text", HTMLTextAreaElement),
  log: byId("log", HTMLElement),
  messages: byId("messages", HTMLOListElement),
  status: byId("status", HTMLElement),
  typing: byId("typing", HTMLElement),
  announcer: byId("announcer", HTMLElement),
  newMessages: byId("new-messages", HTMLButtonElement),
  leave: byId("leave", HTMLAnchorElement),
  end: byId("end", HTMLButtonElement),
  endQuestion: byId("end-question", HTMLElement),
  endYes: byId("end-yes", HTMLButtonElement),
  endNo: byId("end-no", HTMLButtonElement),
};

/** Kept for this tab only: closing it leaves nothing on a shared computer. */
const memory = {
  /** @param {string} name */
  get(name) {
    try {
      return sessionStorage.getItem(`helpline.${name}`);
    } catch {
      return null; // storage is switched off: the chat works, it only does not survive a reload
    }
  },
  /** @param {string} name @param {string} value */
  set(name, value) {
    try {
      sessionStorage.setItem(`helpline.${name}`, value);
    } catch {
      /* see get */
    }
  },
  clear() {
    try {
      sessionStorage.clear();
    } catch {
      /* see get */
    }
  },
};

/** Announced texts stay this long in the live region, so that slow speech is not cut off. */
const ANNOUNCED_MS = 30_000;
/** So near to the end of the log, in pixels, counts as being at the end. */
const NEAR_END_PX = 40;

/** @type {Ticket | null} */
let ticket = readTicket();
/** @type {Promise<Ticket> | null} */
let creating = null;
/** @type {Stream | null} */
let stream = null;
/** @type {Map<number, HTMLElement>} messages on the page, by sequence number */
const shown = new Map();
/** @type {Map<string, HTMLElement>} messages on their way, by client message id */
const unsent = new Map();
let connected = true;
/** @type {Status} */
let status = { owner: "bot", adviser: null, position: null };
/** The welcome that the page came with; shown again when a chat was deleted. */
const welcome = [...page.messages.children].map((item) => item.cloneNode(true));

/** @returns {Ticket | null} */
function readTicket() {
  const id = memory.get("id");
  const token = memory.get("token");
  return handedOver() ?? (id && token ? { id, token } : null);
}

/** A conversation that the page itself came with: one that goes on from a messaging app. @returns {Ticket | null} */
function handedOver() {
  const field = (/** @type {string} */ name) => {
    const found = page.form.elements.namedItem(name);
    return found instanceof HTMLInputElement ? found.value : "";
  };
  const id = field("conversation");
  const token = field("token");
  if (!id || !token) return null;
  memory.set("id", id);
  memory.set("token", token);
  return { id, token };
}

// -- showing ---------------------------------------------------------------------------------------

function atEnd() {
  const { log } = page;
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
}

/** Where we last scrolled to; if the log is still there, the person has not moved it. */
let placed = -1;

function toEnd() {
  page.log.scrollTop = page.log.scrollHeight;
  placed = page.log.scrollTop;
  page.newMessages.hidden = true;
}

/** Shows what is new, but no further than to the person's last message: an answer is read from its start. */
function toNew() {
  const { log } = page;
  const mine = [...page.messages.querySelectorAll(".message--user")].at(-1);
  const offset = mine ? mine.getBoundingClientRect().top - log.getBoundingClientRect().top : Infinity;
  log.scrollTop = Math.min(log.scrollHeight, log.scrollTop + offset);
  placed = log.scrollTop;
  log.scrollIntoView({ block: "nearest" });
  page.newMessages.hidden = atEnd();
}

/**
 * Adds something to the log and scrolls only if the person is where the newest was (or just wrote).
 * @param {() => void} change
 * @param {boolean} mine
 */
function growing(change, mine) {
  const follow = mine || atEnd() || page.log.scrollTop === placed;
  change();
  if (follow) toNew();
  else page.newMessages.hidden = false;
}

page.log.addEventListener("scroll", () => {
  if (atEnd()) page.newMessages.hidden = true;
});

/** @param {string} words */
function announce(words) {
  const line = element("p", {}, [words]);
  page.announcer.append(line);
  setTimeout(() => line.remove(), ANNOUNCED_MS);
}

/**
 * Shows a message once, in its place by sequence number.
 * @param {Message} message
 * @param {boolean} aloud whether it is news to the person
 */
function show(message, aloud) {
  const seq = message.seq ?? 0;
  if (shown.has(seq)) return;
  const item = messageItem(message, memory.get("easy-read") === "yes");
  shown.set(seq, item);
  const waiting = message.client_message_id ? unsent.get(message.client_message_id) : undefined;
  if (waiting) {
    unsent.delete(message.client_message_id ?? "");
    waiting.remove();
  }
  const later = [...shown.keys()].filter((other) => other > seq);
  const next = later.length ? shown.get(Math.min(...later)) : firstUnsent();
  growing(() => page.messages.insertBefore(item, next ?? null), message.role === "user");
  if (message.role !== "user") {
    page.typing.hidden = unsent.size === 0;
    if (aloud) announce(`${who(message)}: ${spoken(message)}`);
  }
}

/** @returns {HTMLElement | undefined} */
function firstUnsent() {
  return unsent.values().next().value;
}

/** @param {Status} now */
function showStatus(now) {
  const before = statusWords();
  status = now;
  if (statusWords() !== before) {
    page.status.textContent = statusWords();
    announce(statusWords());
  }
}

/** @param {boolean} now */
function showConnected(now) {
  if (now === connected) return;
  connected = now;
  page.status.textContent = statusWords();
  announce(connected ? "Connected again." : statusWords());
}

function statusWords() {
  if (!connected) return "The connection is lost. I am trying again. Your words are kept.";
  if (status.owner === "adviser") return `Adviser ${status.adviser ?? ""} is in this chat.`;
  if (status.owner === "queued") {
    return `You are number ${status.position ?? 1} in the queue for a person. The assistant still answers.`;
  }
  return "You are talking with an automated assistant.";
}

// -- the conversation ------------------------------------------------------------------------------

/** Goes on with the chat of this tab, if there is one. */
async function resume() {
  if (!ticket) return;
  try {
    const answer = await readMessages(ticket, 0);
    page.messages.replaceChildren();
    answer.messages.forEach((message) => show(message, false));
    status = answer;
    page.status.textContent = statusWords();
    follow(ticket, answer.messages.at(-1)?.seq ?? 0);
    toEnd();
  } catch (error) {
    if (error instanceof Refused && error.problem.status < 500) startAgain();
    else follow(ticket, 0);
  }
}

/** @param {Ticket} now @param {number} after */
function follow(now, after) {
  page.end.hidden = false;
  stream = new Stream(now, after, {
    message: (message) => show(message, true),
    status: showStatus,
    typing: () => {
      page.typing.hidden = false;
    },
    connected: showConnected,
    ended: () => {
      startAgain();
      announceDeleted();
    },
  });
}

/** The conversation, created when the first thing is said. @returns {Promise<Ticket>} */
function conversation() {
  if (ticket) return Promise.resolve(ticket);
  creating ??= createConversation()
    .then((created) => {
      ticket = { id: created.id, token: created.token };
      memory.set("id", ticket.id);
      memory.set("token", ticket.token);
      adopt(created.messages);
      follow(ticket, created.messages.at(-1)?.seq ?? 0);
      return ticket;
    })
    .finally(() => {
      creating = null;
    });
  return creating;
}

/**
 * The welcome is on the page already: it is kept as it is, so that nothing moves under the person's hands.
 * @param {Message[]} messages
 */
function adopt(messages) {
  messages.forEach((message, index) => {
    const item = page.messages.children[index];
    if (item instanceof HTMLElement) shown.set(message.seq ?? 0, item);
  });
}

/** The chat is gone: the page begins anew, with whatever could not be sent. */
function leaveConversation() {
  stream?.stop();
  stream = null;
  ticket = null;
  memory.set("id", "");
  memory.set("token", "");
  shown.clear();
  connected = true;
  status = { owner: "bot", adviser: null, position: null };
  page.status.textContent = statusWords();
  page.messages.replaceChildren(...welcome.map((item) => item.cloneNode(true)), ...unsent.values());
  page.typing.hidden = true;
  page.end.hidden = true;
  page.endQuestion.hidden = true;
}

/** Back to an empty chat. */
function startAgain() {
  unsent.clear();
  leaveConversation();
  memory.clear();
}

function announceDeleted() {
  page.status.textContent = "This chat is deleted. You can start a new one.";
  announce(page.status.textContent);
}

/**
 * Shows what was said at once, sends it, and offers to try again if that fails.
 * @param {Said} said
 * @param {string} words what the log shows: the text, or the button's title
 */
async function say(said, words) {
  const item = messageItem(
    { role: "user", text: words, buttons: [], cards: [], sources: [], attachments: [] },
    false,
  );
  const state = element("p", { class: "message__state" }, ["Sending."]);
  item.classList.add("message--unsent");
  item.append(state);
  unsent.set(said.client_message_id, item);
  growing(() => page.messages.append(item), true);
  await send(said, item, state);
}

/** @param {Said} said @param {HTMLElement} item @param {HTMLElement} state */
async function send(said, item, state) {
  state.textContent = "Sending.";
  page.typing.hidden = status.owner === "adviser";
  try {
    const answer = await sendMessage(await conversation().catch((error) => unread(error, said)), said);
    show(answer.message, false);
    answer.replies.forEach((reply) => show(reply, true));
    showStatus(answer);
    page.typing.hidden = true;
  } catch (error) {
    page.typing.hidden = true;
    if (!unsent.has(said.client_message_id)) return; // it did arrive: the socket brought it
    if (error instanceof Refused && [401, 404].includes(error.problem.status)) leaveConversation();
    notSent(error, said, item, state);
  }
}

/**
 * The chat could not be created, so nobody has read the words: they are sent to no chat at all, for the crisis
 * reply that comes with the refusal if somebody may be in danger.
 * @param {unknown} error @param {Said} said @returns {Promise<Ticket>}
 */
async function unread(error, said) {
  if (error instanceof Refused && error.problem.status >= 500) {
    await sendMessage({ id: "none", token: "none" }, said).catch((second) => {
      if (second instanceof Refused && second.problem.crisis) throw second;
    });
  }
  throw error;
}

/** @param {unknown} error @param {Said} said @param {HTMLElement} item @param {HTMLElement} state */
function notSent(error, said, item, state) {
  if (error instanceof Refused && error.problem.status === 413) {
    // Sending the same again cannot work: the words go back into the box.
    unsent.delete(said.client_message_id);
    item.remove();
    page.text.value = said.text ?? "";
    memory.set("draft", page.text.value);
    page.status.textContent = "Your message is too long. It is still in the box. Please make it shorter.";
    announce(page.status.textContent);
    page.text.focus();
    return;
  }
  const why = error instanceof Refused ? `Not sent: ${error.problem.title.toLowerCase()}. ` : "Not sent. ";
  const again = element("button", { type: "button" }, ["Try again"]);
  again.addEventListener("click", () => send(said, item, state));
  state.replaceChildren(why, again);
  announce(`Your message was not sent. You can try again.`);
  const crisis = error instanceof Refused ? error.problem.crisis : undefined;
  if (crisis) {
    // Said even though nothing could be saved: somebody may be in danger now.
    const help = messageItem({ role: "assistant", buttons: [], sources: [], attachments: [], ...crisis }, false);
    growing(() => item.after(help), true);
    announce(crisis.text);
  }
}

/** A random id; `crypto.randomUUID` is missing on pages without https. */
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// -- what the person does --------------------------------------------------------------------------

page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const pressed = event.submitter;
  if (pressed === page.end) {
    page.endQuestion.hidden = false;
    page.endYes.focus();
    return;
  }
  if (pressed instanceof HTMLButtonElement && pressed.name === "payload") {
    void say({ client_message_id: newId(), payload: pressed.value }, pressed.textContent ?? "");
    return;
  }
  const words = page.text.value;
  page.text.value = "";
  memory.set("draft", "");
  void say({ client_message_id: newId(), text: words }, words);
});

page.text.addEventListener("keydown", (event) => {
  // Enter sends, Shift and Enter makes a new line; not while an input method is composing a word.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    page.form.requestSubmit();
  }
});

page.text.addEventListener("input", () => memory.set("draft", page.text.value));

page.messages.addEventListener(
  "toggle",
  (event) => {
    const opened = event.target;
    if (opened instanceof HTMLDetailsElement && opened.className === "easy-read") {
      memory.set("easy-read", opened.open ? "yes" : "no");
    }
  },
  true,
);

page.newMessages.addEventListener("click", () => {
  toEnd();
  page.log.focus();
});

page.endNo.addEventListener("click", () => {
  page.endQuestion.hidden = true;
  page.end.focus();
});

page.endYes.addEventListener("click", async () => {
  if (!ticket) return;
  try {
    await deleteConversation(ticket);
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.status >= 500) {
      page.status.textContent = "The chat could not be deleted just now. Please try again.";
      announce(page.status.textContent);
      return;
    }
  }
  startAgain();
  announceDeleted();
  page.text.value = "";
  page.text.focus();
});

page.leave.addEventListener("click", (event) => {
  event.preventDefault();
  memory.clear();
  // The other page takes this one's place: "back" does not lead here.
  location.replace(page.leave.href);
});

takeOverLetters(page.messages, announce);

page.log.classList.add("log--live");
page.text.value ||= memory.get("draft") ?? "";
void resume();
