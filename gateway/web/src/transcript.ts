/** The chat as a text file, made on this device. */

import { NEW_TAB, rows, who } from "./render.js";
import type { Fields, Message } from "./types.js";

export function transcript(service: string, messages: Message[]): string {
  const blocks = messages.map((message) => {
    const when = message.created_at ? ` (${new Date(message.created_at).toLocaleString("en-GB")})` : "";
    const files = message.attachments.filter((a) => a.kind === "file").map((a) => `File: ${a.title} (${a.size_said})`);
    const cards = message.cards.flatMap((one) => cardLines(one));
    return [`${who(message)}${when}:`, message.text, ...cards, ...files, ...message.sources.map(source)].join("\n");
  });
  return [service, `Saved on ${new Date().toLocaleString("en-GB")}`, ...blocks].join("\n\n") + "\n";
}

/** What a card says, also where the text says it too. The cards of other kinds say in another form what the text says. */
function cardLines(c: Fields): string[] {
  if (!["service", "steps", "wait_chart"].includes(c.kind)) return [];
  const steps = (c.steps ?? []).map((step: Fields, index: number) => `${index + 1}. ${step.title}. ${step.text}`);
  const known = rows(c).map((row) => [...row.children].map((part) => part.textContent ?? ""));
  const facts = known.map((parts) => parts.join(": ").replace(NEW_TAB, ""));
  return ["", ...[c.title ?? c.name, c.description, c.text_alternative, ...steps, ...facts].filter(Boolean)];
}

function source(s: Fields): string {
  const parts = [s.title, s.publisher, s.published && `published ${s.published}`, s.as_of_said ?? s.as_of, s.url];
  return `Source: ${parts.filter(Boolean).join(", ")}`;
}

/** Puts a file into the person's downloads. */
export function download(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
