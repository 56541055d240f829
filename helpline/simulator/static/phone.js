// @ts-check
/** The phone of one person: shows the chat, sends what is typed or pressed. */

const log = /** @type {HTMLElement} */ (document.getElementById("log"));
const list = /** @type {HTMLElement} */ (document.getElementById("messages"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("form"));
const text = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
let seen = 0;

/** @param {object} body */
async function send(body) {
  await fetch("/chat", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
}

/**
 * @param {string} kind
 * @param {{file_id: string, file_name?: string, emoji?: string}} told
 */
function attachment(kind, told) {
  if (kind === "sticker") return document.createTextNode(told.emoji ?? "[sticker]");
  if (kind === "photo") {
    return Object.assign(document.createElement("img"), { src: `/files/${told.file_id}`, alt: "Photo" });
  }
  if (kind === "voice") {
    return Object.assign(document.createElement("audio"), {
      src: `/files/${told.file_id}`,
      controls: true,
      ariaLabel: "Voice note",
    });
  }
  const link = document.createElement("a");
  link.href = `/files/${told.file_id}`;
  link.download = told.file_name ?? kind;
  link.textContent = `File: ${told.file_name ?? kind}`;
  return link;
}

/** @param {any} message */
function show(message) {
  const item = document.createElement("li");
  if (!message.from.is_bot) item.className = "mine";
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  const kind = ["photo", "voice", "sticker", "document"].find((name) => name in message);
  if (kind) bubble.append(attachment(kind, [message[kind]].flat().at(-1)));
  const words = message.text ?? message.caption ?? "";
  // A document's caption here is its name, which is on its link already.
  if (words !== message.document?.file_name) bubble.append(words);
  item.append(bubble);
  const rows = message.reply_markup?.inline_keyboard ?? [];
  if (rows.length) {
    const keys = document.createElement("div");
    keys.className = "keys";
    for (const button of rows.flat()) {
      const key = document.createElement("button");
      key.type = "button";
      key.textContent = button.text;
      key.addEventListener("click", () => send({ press: button.callback_data, message_id: message.message_id }));
      keys.append(key);
    }
    item.append(keys);
  }
  list.append(item);
  log.scrollTop = log.scrollHeight;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!text.value.trim()) return;
  send({ text: text.value });
  text.value = "";
  text.focus();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  }
});
for (const file of document.querySelectorAll("input[data-as]")) {
  if (!(file instanceof HTMLInputElement)) continue;
  file.addEventListener("change", async () => {
    if (!file.files?.[0]) return;
    const body = new FormData();
    body.append("as", file.dataset.as ?? "");
    body.append("file", file.files[0]);
    file.value = "";
    await fetch("/files", { method: "POST", body });
  });
}
for (const button of document.querySelectorAll(".extras button")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  const { media, text: words } = button.dataset;
  button.addEventListener("click", () => send(media ? { media } : { text: words }));
}

for (;;) {
  try {
    const answer = await fetch(`/chat?after=${seen}`);
    const messages = await answer.json();
    messages.forEach(show);
    seen += messages.length;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
