// @ts-check
/** Keeps a chat up to date and sends replies without leaving the page. */

import { showAlerts } from "./alerts.js";
import { connect } from "./connection.js";
import { announce, cast, fill, showRows } from "./moulds.js";
import { signal } from "./signals.js";

/** Somebody counts as writing for so long after the last sign of it; we tell of our own typing half as often. */
const TYPING_MS = 6000;

/**
 * @typedef {{
 *   seq: number, kind: string, acknowledges: number, who: string, time: string, created_at: string, text: string, buttons: string[],
 *   cards: {title: string, lines: {label: string, text: string}[]}[],
 *   sources: {title: string, detail: string, url: string}[],
 *   files: {id: string, name: string, size: string, shown: string}[],
 * }} Message
 */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 */
const at = (id) => /** @type {T} */ (document.getElementById(id));

const page = at("chat");
const log = at("log");
const moreButton = at("new-messages");
const form = /** @type {HTMLFormElement} */ (at("reply"));
const text = /** @type {HTMLTextAreaElement} */ (at("text"));
const replyId = /** @type {HTMLInputElement} */ (form.elements.namedItem("reply_id"));
const error = at("reply-error");
const chosen = /** @type {HTMLInputElement} */ (at("file"));
const fileOff = at("file-off");

/** So near the end counts as being there. */
const NEAR_PX = 120;

let after = Number(/** @type {HTMLElement | null} */ (log.lastElementChild)?.dataset.seq ?? 0);

/** The reply box with its lines: where it is pinned, it lies over the end of the log. */
const bottom = /** @type {HTMLElement} */ (document.querySelector(".bottom"));
const readableTo = () => Math.min(innerHeight, bottom.getBoundingClientRect().top);
const atEnd = () => log.getBoundingClientRect().bottom <= readableTo() + NEAR_PX;
function toEnd() {
  log.lastElementChild?.scrollIntoView({ block: "end" });
  const covered = log.getBoundingClientRect().bottom - readableTo();
  if (covered > 0) scrollBy(0, covered);
}
let wasAtEnd = false;
// What is told below the box makes it higher: the newest words must not end up under it, nor what gets the focus.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--desk-reply", `${bottom.offsetHeight}px`);
  if (wasAtEnd) toEnd();
}).observe(bottom);

/** @param {Message} message */
function build(message) {
  const element = cast("message");
  element.id = `message-${message.seq}`;
  element.dataset.seq = String(message.seq);
  element.dataset.kind = message.kind;
  fill(element, { ...message, buttons: message.buttons.join(", ") });
  element.querySelector("time")?.setAttribute("datetime", message.created_at);
  for (const card of message.cards) {
    const made = cast("card");
    fill(made, card);
    made.querySelector("dl")?.append(...card.lines.map(line));
    element.querySelector(".cards")?.append(made);
  }
  for (const source of message.sources) {
    const made = cast("source");
    const link = /** @type {HTMLAnchorElement} */ (made.querySelector("a"));
    if (source.url) link.href = source.url;
    else unlink(link);
    fill(made, source);
    element.querySelector(".sources")?.append(made);
  }
  for (const file of message.files) element.querySelector(".files")?.append(fileItem(file));
  for (const part of /** @type {const} */ (["cards", "sources", "buttons", "files"])) {
    element.querySelector(`[data-part="${part}"]`)?.toggleAttribute("hidden", message[part].length === 0);
  }
  return element;
}

/** @param {Message["files"][number]} file */
function fileItem(file) {
  const made = cast("file");
  fill(made, file);
  const link = /** @type {HTMLAnchorElement} */ (made.querySelector("a"));
  link.href = (link.getAttribute("href") ?? "").replace("FILE", encodeURIComponent(file.id));
  const picture = /** @type {HTMLImageElement} */ (made.querySelector(".file__picture"));
  const sound = /** @type {HTMLAudioElement} */ (made.querySelector(".file__sound"));
  picture.alt = `Picture: ${file.name}`;
  sound.setAttribute("aria-label", `Sound: ${file.name}`);
  if (file.shown === "picture") picture.src = link.href;
  else picture.remove();
  if (file.shown === "sound") sound.src = link.href;
  else sound.remove();
  return made;
}

/**
 * A source without an address: its title is no link, and opens no tab.
 * @param {HTMLAnchorElement} link
 */
function unlink(link) {
  const words = document.createElement("span");
  words.dataset.text = "title";
  link.nextElementSibling?.remove();
  link.replaceWith(words);
}

/** @param {{label: string, text: string}} content */
function line(content) {
  const made = document.createElement("div");
  const label = document.createElement("dt");
  const value = document.createElement("dd");
  label.textContent = content.label;
  value.textContent = content.text;
  made.append(label, value);
  return made;
}

/** @param {Message[]} messages */
function add(messages) {
  const fresh = messages.filter((message) => message.seq > after);
  if (!fresh.length) return;
  const follow = atEnd();
  for (const message of fresh) {
    const item = build(message);
    // A picture is as high as it is only once it is there.
    if (follow) for (const picture of item.querySelectorAll("img")) picture.addEventListener("load", toEnd);
    log.append(item);
    after = message.seq;
    if (message.kind === "user") at("typing").textContent = "";
    if (message.kind === "alert") alarm(message.text, message.seq);
    if (message.acknowledges) acknowledged(message.acknowledges);
  }
  announce(fresh.map((message) => `${message.who}: ${message.text}`).join(" "));
  if (follow) toEnd();
  else moreButton.hidden = false;
}

/**
 * @param {string} words
 * @param {number} [seq] of the message that tells of it
 */
function alarm(words, seq) {
  at("alert-text").textContent = words;
  if (seq) {
    at("alert-link").setAttribute("href", `#message-${seq}`);
    at("alert-link").hidden = false;
    at("alert-seen").hidden = false;
    /** @type {HTMLInputElement} */ (at("alert-seq")).value = String(seq);
    signal("There is a safety alert.");
  }
  at("alert").hidden = false;
  if (!document.title.startsWith("Safety alert")) document.title = `Safety alert: ${document.title}`;
}

/**
 * Somebody has seen the alert; a crisis stays a crisis.
 * @param {number} seq
 */
function acknowledged(seq) {
  if (Number(/** @type {HTMLInputElement} */ (at("alert-seq")).value) > seq) return;
  at("alert-seen").hidden = true;
  at("alert-link").hidden = true;
  at("alert").hidden = !urgent;
  if (urgent) at("alert-text").textContent = urgent;
  else document.title = document.title.replace(/^Safety alert: /, "");
}

/** @type {string | null} */
let urgent = null;

/** @param {{state: string, line: string, urgent: string | null}} status */
function showStatus(status) {
  page.dataset.state = status.state;
  if (at("status").textContent !== status.line) at("status").textContent = status.line;
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-for]"))) {
    // Words that were not sent are kept in sight when the chat was lost, to be copied.
    part.hidden = part.dataset.for !== status.state && !(part.contains(text) && text.value.trim());
  }
  urgent = status.urgent;
  if (status.urgent && at("alert").hidden) alarm(status.urgent);
}

/** @typedef {{id: string, reference: string, line: string, waits: boolean, unseen_alert: boolean}} Other */

/** @param {Other[]} chats of this adviser: alerts that wait there, and who waits for a reply */
function showOthers(chats) {
  showAlerts(chats);
  showRows(at("others"), "other", chats, (element, chat) => element.toggleAttribute("data-waits", chat.waits));
  at("others-part").hidden = chats.length === 0;
}

/** @type {number | undefined} */
let typingEnds;

/** @param {{person: boolean, colleagues: string[]}} who */
function showTyping(who) {
  const words = who.colleagues.map((name) => `${name} is writing here too.`);
  if (who.person) words.push("The person is writing.");
  at("typing").textContent = words.join(" ");
  clearTimeout(typingEnds);
  typingEnds = setTimeout(() => (at("typing").textContent = ""), TYPING_MS);
}

const connection = connect(page, () => `${page.dataset.socket}?after=${after}`, (frame) => {
  if (frame.type === "messages") add(frame.messages);
  if (frame.type === "status") showStatus(frame);
  if (frame.type === "delivery" && at("delivery").textContent !== frame.line) at("delivery").textContent = frame.line;
  if (frame.type === "typing") showTyping(frame);
  if (frame.type === "others") showOthers(frame.chats);
});

let sending = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = chosen.files?.[0];
  if (sending || (!text.value.trim() && !file)) return;
  if (file && !fits(file)) return;
  sending = true;
  error.hidden = true;
  at("reply-state").textContent = "Sending.";
  at("delivery").hidden = true; // it tells of the message before
  const sent = text.value;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new FormData(form),
      signal: AbortSignal.timeout(file ? 120_000 : 15_000),
    });
    const said = await answer.json();
    // A reply of that id is in the chat already: it was sent, its answer was lost, and then it was edited.
    if (answer.ok || said.code === "message_id_reused") useNewId();
    if (!answer.ok) throw new Error(`Not sent. ${said.title}. ${said.detail}`);
    at("delivery").hidden = false;
    toldAt = 0; // what is written next is told at once
    // What was written while the reply was on its way stays.
    at("reply-state").textContent = `Sent at ${new Date().toLocaleTimeString("en-GB", { timeStyle: "short" })}.`;
    text.value = text.value.startsWith(sent) ? text.value.slice(sent.length).trimStart() : text.value;
    if (file && chosen.files?.[0] === file) takeFileOff();
  } catch (problem) {
    const known = problem instanceof Error && problem.message.startsWith("Not sent.");
    // The reply keeps its id, so that sending it again cannot say it twice.
    error.textContent = known
      ? problem.message
      : "The desk does not answer, so this may not be sent. Your words are still here. Send again.";
    error.hidden = false;
    at("reply-state").textContent = "Not sent. Press Send to try again.";
  } finally {
    sending = false;
    keepDraft();
  }
});

/**
 * Said before anything is sent: a browser would have to send all of a large file to hear it.
 * @param {File} file
 */
function fits(file) {
  if (file.size <= Number(chosen.dataset.most)) return true;
  error.textContent = "Not sent. The file is too large. Your words are still here. Choose a smaller file.";
  error.hidden = false;
  return false;
}

function takeFileOff() {
  chosen.value = "";
  fileOff.hidden = true;
}

chosen.addEventListener("change", () => {
  error.hidden = true;
  fileOff.hidden = !chosen.files?.length;
  if (chosen.files?.[0]) fits(chosen.files[0]);
});
fileOff.addEventListener("click", () => {
  takeFileOff();
  error.hidden = true;
  chosen.focus();
});

function useNewId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  replyId.value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

// -- the draft and the private note, kept in this window until they are in the chat

const DRAFT = `desk-draft-${page.dataset.chat}`;
const DRAFT_ID = `desk-draft-id-${page.dataset.chat}`;
const NOTE = `desk-note-${page.dataset.chat}`;

/**
 * @param {string} name
 * @param {string} words
 */
function keep(name, words) {
  if (words) sessionStorage.setItem(name, words);
  else sessionStorage.removeItem(name);
}

function keepDraft() {
  keep(DRAFT, text.value);
  keep(DRAFT_ID, text.value && replyId.value);
}
text.value ||= sessionStorage.getItem(DRAFT) ?? "";
// Who left before the answer came may have sent it: under its own id it is not said twice.
replyId.value = sessionStorage.getItem(DRAFT_ID) ?? replyId.value;

const note = /** @type {HTMLTextAreaElement} */ (at("note"));
const notes = [...log.querySelectorAll('[data-kind="note"] .message__text')].map((written) => written.textContent);
// The page that comes in answer to a note has it in the log.
if (notes.includes(sessionStorage.getItem(NOTE)?.trim() ?? "")) keep(NOTE, "");
note.value ||= sessionStorage.getItem(NOTE) ?? "";

let toldAt = 0;
/** Colleagues are warned, and the family sees it, while words are being written. */
function tellTyping() {
  if (Date.now() - toldAt < TYPING_MS / 2) return;
  toldAt = Date.now();
  connection.typing();
}

note.addEventListener("input", () => {
  keep(NOTE, note.value);
  tellTyping();
});
text.addEventListener("input", () => {
  expandCode();
  keepDraft();
  tellTyping();
});

// -- canned replies and answers from the store

/** @param {string} words go where the cursor is, apart from the word before it */
function insert(words) {
  const before = text.value.slice(0, text.selectionStart).replace(/\S$/, "$& ");
  const after = text.value.slice(text.selectionEnd);
  text.value = `${before}${words}${after}`;
  text.focus();
  text.setSelectionRange(before.length + words.length, before.length + words.length);
  keepDraft();
}

const canned = /** @type {HTMLSelectElement | null} */ (document.getElementById("canned"));
function insertCanned() {
  if (!canned?.value) return;
  insert(canned.value);
  canned.value = "";
}
/** By keyboard one walks through the list: only Enter and the button put in what one has come to. */
let walks = false;
canned?.addEventListener("pointerdown", () => (walks = false));
canned?.addEventListener("keydown", (event) => {
  walks = true;
  if (event.key !== "Enter") return;
  event.preventDefault(); // else the browser sends the reply as it is
  insertCanned();
});
canned?.addEventListener("change", () => walks || insertCanned());
document.getElementById("canned-insert")?.addEventListener("click", insertCanned);

/** A short code and a space become the canned reply. */
function expandCode() {
  const typed = text.value.slice(0, text.selectionStart);
  const code = /(?:^|\s)\/([a-z0-9-]+) $/i.exec(typed)?.[1]?.toLowerCase();
  const option = code && canned?.querySelector(`option[data-code="${code}"]`);
  if (!(option instanceof HTMLOptionElement) || !code) return;
  text.setSelectionRange(typed.length - code.length - 2, typed.length);
  insert(option.value);
}
// Who is quick has typed before this was loaded: those words are expanded and kept too.
expandCode();
if (text.value) keepDraft();

const find = /** @type {HTMLFormElement} */ (at("find"));
find.addEventListener("submit", async (event) => {
  event.preventDefault();
  const query = new URLSearchParams(/** @type {any} */ (new FormData(find)));
  at("find-state").textContent = "Searching.";
  try {
    const answer = await fetch(`${page.dataset.find}?${query}`, { headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${said.title}. ${said.detail}`);
    const count = said.results.length;
    at("find-state").textContent = count === 1 ? "One answer." : `${count || "No"} answers.`;
    at("found").replaceChildren(...said.results.map(found));
  } catch (problem) {
    at("find-state").textContent = problem instanceof Error ? problem.message : "It could not be searched.";
  }
});

/** @param {{title: string, text: string, source: string, insert: string}} result */
function found(result) {
  const made = cast("found");
  fill(made, result);
  const button = made.querySelector("button");
  button?.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: `: ${result.title}` }));
  button?.addEventListener("click", () => insert(result.insert));
  return made;
}

moreButton.addEventListener("click", () => {
  toEnd();
  moreButton.hidden = true;
});
addEventListener("scroll", () => {
  wasAtEnd = atEnd();
  if (wasAtEnd) moreButton.hidden = true;
}, { passive: true });

// An adviser comes to read what was said last; with an alert that nobody has seen, what it was raised for.
if (!location.hash) {
  const alert = at("alert-link").hidden ? null : document.querySelector(at("alert-link").getAttribute("href") || "#none");
  if (alert) alert.scrollIntoView({ block: "center" });
  else toEnd();
}
