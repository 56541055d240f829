/**
 * Builds a message's elements; templates/message.html builds the same ones on the server for browsers without
 * JavaScript. Everything people or feeds wrote is set as text, never as markup.
 */

import { button, element } from "./element.js";
import { memory } from "./memory.js";
import type { Fields, Message } from "./types.js";

export const NEW_TAB = " (opens in a new tab)";

/** A path of our own: not "//elsewhere", which browsers take for another host. */
const OWN_LINK = /^\/[^/\\\s][^\\\s]*$/;

export interface View {
  /** Where the gateway is: "" on its own page. */
  base: string;
  easyRead: boolean;
  pictures: boolean;
}

/** Who is speaking, in words that are always on the screen. */
export function who(message: { role: string; author?: string | null }): string {
  switch (message.role) {
    case "user":
      return "You";
    case "adviser":
      return `Adviser ${message.author ?? ""}`.trim();
    case "assistant":
      return "Automated assistant";
    default:
      return "Helpline";
  }
}

/** A line whose references ("HL-7K3QPX") stay in one piece: a narrow screen breaks them at the hyphen. */
function unbroken(line: string): (string | Node)[] {
  return line.split(/(\bHL-[0-9A-Z]{6}\b)/).map((part, n) => (n % 2 ? element("span", { class: "reference" }, [part]) : part));
}

/** Plain text as paragraphs and lists, each from its own side: Arabic and Urdu begin at the right. */
export function blocks(text: string): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith("- ")) {
      if (found.at(-1)?.tagName !== "UL") found.push(element("ul", { dir: "auto" }));
      found.at(-1)?.append(element("li", {}, unbroken(line.slice(2))));
    } else if (line.trim()) {
      found.push(element("p", { dir: "auto" }, unbroken(line)));
    }
  }
  return found;
}

/** A link, if `url` is a web address; nothing else becomes one. */
function webLink(url: unknown, words: string): HTMLElement | null {
  if (typeof url !== "string" || !/^https?:\/\//i.test(url)) return null;
  return element("a", { href: url, rel: "noreferrer", target: "_blank" }, [words + NEW_TAB]);
}

function digits(number: unknown): string {
  return String(number).replace(/[^\d+]/g, "");
}

export function telephone(number: string): HTMLElement {
  return element("a", { href: `tel:${digits(number)}` }, [number]);
}

function row(label: string, value: Node | string | null | undefined): HTMLElement | null {
  return value ? element("div", {}, [element("dt", {}, [label]), element("dd", {}, [value])]) : null;
}

export function contact(c: Fields): HTMLElement {
  const lines = [element("p", {}, [element("strong", {}, [c.name])])];
  if (c.phone) {
    const note = c.phone_note ? ` (${c.phone_note})` : "";
    lines.push(element("p", {}, ["Call ", telephone(c.phone), note]));
  }
  for (const words of [c.text, c.says, c.hours]) if (words) lines.push(element("p", {}, [words]));
  const link = webLink(c.url, c.url);
  if (link) lines.push(element("p", {}, [link]));
  return element("li", {}, lines);
}

function phoneRow(phone: Fields): HTMLElement | null {
  const link = element("a", { href: `${phone.text_only ? "sms" : "tel"}:${digits(phone.number)}` }, [phone.number]);
  const value = element("span", {}, [link]);
  if (phone.extension) value.append(` extension ${phone.extension}`);
  if (phone.check) value.append(" (check before you rely on it)");
  return row(phone.label || (phone.text_only ? "Text" : "Phone"), value);
}

/** What wait_chart.py worked out, as SVG elements. */
function shape(s: Fields): Element {
  const made = document.createElementNS("http://www.w3.org/2000/svg", s.tag);
  for (const [name, value] of Object.entries(s.attributes)) made.setAttribute(name, String(value));
  made.append(s.text, ...s.children.map(shape));
  return made;
}

/** A letter to fill in; letters.ts makes its buttons work in place. `prefix`: of the ids in this message. */
function letterForm(c: Fields, prefix: string, base: string): HTMLElement {
  const made = element(
    "form",
    { class: "letter", method: "post", action: `${base}/letters/${c.id}`, autocomplete: "off" },
    [element("p", {}, [element("strong", {}, [c.note])])],
  );
  const select = (name: string, words: string, options: HTMLElement[]) => {
    if (options.length < 2) return;
    made.append(element("label", { for: prefix + name }, [words]), element("select", { id: prefix + name, name }, options));
  };
  const option = (one: Fields, words: string, selected = false) =>
    element("option", { value: one.id, selected: selected ? "" : undefined }, [words]);
  select("voice", "Who writes", (c.voices ?? []).map((one: Fields) => option(one, one.label, one.id === c.voice)));
  select("limit", "What is late", (c.limits ?? []).map((one: Fields) => option(one, one.title)));
  for (const f of c.fields ?? []) {
    const id = prefix + f.name;
    const autocomplete = f.autocomplete ?? undefined;
    const common = { id, name: f.name, autocomplete, "aria-describedby": f.hint ? `${id}-hint` : undefined };
    made.append(element("label", { for: id }, [f.label]));
    if (f.hint) made.append(element("p", { class: "hint", id: `${id}-hint` }, [f.hint]));
    made.append(
      f.multiline
        ? element("textarea", { ...common, rows: "3", maxlength: "4000" }, [f.value ?? ""])
        : element("input", { ...common, type: "text", maxlength: "300", value: f.value ?? "" }),
    );
  }
  const submit = { type: "submit", name: "format" };
  made.append(
    element("div", { class: "actions" }, [
      button("Show the letter", { ...submit, value: "page" }),
      button("Download as Word (.docx)", { ...submit, value: "docx" }),
    ]),
  );
  return made;
}

/** The steps of a pathway, with a mark at the one where the person is, if they or the server said so. */
function steps(c: Fields, key: string): HTMLElement[] {
  const name = `here.${c.id ?? key}`;
  const list = element("ol", { class: "steps" });
  const marks: HTMLElement[] = [];
  for (const step of c.steps as Fields[]) {
    const mark = element("strong", { class: "here" }, ["You are here. "]);
    marks.push(mark);
    list.append(
      element("li", {}, [mark, element("strong", { class: "steps__title" }, [step.title]), element("span", {}, [` ${step.text}`])]),
    );
  }
  const show = (at: number) => {
    marks.forEach((mark, index) => {
      mark.hidden = index !== at;
      if (index === at) mark.parentElement?.setAttribute("aria-current", "step");
      else mark.parentElement?.removeAttribute("aria-current");
    });
  };
  const known = memory.get(name);
  const at = known === null ? (c.steps as Fields[]).findIndex((step) => step.here) : Number(known);
  show(at);
  if (c.steps.length < 2) return [list];
  const because = known === null && c.here_because ? [element("p", { class: "hint" }, [c.here_because])] : [];
  const choices = (c.steps as Fields[]).map((step, index) => {
    const id = `here-${key}-${index}`;
    const radio = element("input", { type: "radio", id, name: `here-${key}`, checked: index === at ? "" : undefined });
    radio.addEventListener("change", () => {
      memory.set(name, String(index));
      show(index);
      because[0]?.remove(); // now it is there because the person said so
    });
    return element("label", { for: id, class: "choice" }, [radio, ` ${step.title}`]);
  });
  const group = element("fieldset", {}, [element("legend", {}, ["Which step are you at?"]), ...choices]);
  return [list, ...because, details("mark-here", "Mark where you are", [group])];
}

/** @param key of the message, for ids */
function card(c: Fields, key: string, view: View): HTMLElement {
  const made = element("section", { class: `card card--${c.kind === "crisis" ? "crisis" : "plain"}` }, [
    element("h3", {}, [c.title ?? c.name ?? ""]),
  ]);
  if (c.description) made.append(...blocks(c.description));
  if (c.kind === "wait_chart" && c.drawing) {
    const figure = [shape(c.drawing), element("figcaption", {}, [c.caption ?? ""])];
    made.append(view.pictures ? element("figure", { class: "chart" }, figure) : element("p", {}, [c.text_alternative]));
  }
  if (c.kind === "letter") made.append(letterForm(c, `letter-${key}-`, view.base));
  if (c.contacts?.length) made.append(element("ul", { class: "contacts" }, c.contacts.map(contact)));
  if (c.steps?.length) made.append(...steps(c, key));
  if (c.dates?.length) {
    const dates = c.dates.map((date: Fields) =>
      element("li", {}, [
        element("strong", {}, [date.said]),
        ` (${date.period}): ${date.title}${date.passed ? ". This day has passed." : ""}`,
      ]),
    );
    made.append(element("ul", {}, dates));
  }
  const known = rows(c);
  if (known.length) made.append(element("dl", {}, known));
  return made;
}

/** What is known of a service, each with its name. */
export function rows(c: Fields): HTMLElement[] {
  const all = [
    row("Run by", c.organization),
    row("Who it is for", c.who_for),
    row("Ages", c.ages),
    row("Diagnosis", c.needs_diagnosis),
    row("How to reach it", c.how_to_reach),
    ...(c.phones ?? []).map(phoneRow),
    row("Email", c.email ? element("a", { href: `mailto:${c.email}` }, [c.email]) : null),
    row("Website", webLink(c.url, String(c.url))),
    row("Open", c.hours),
    row("Cost", (c.costs ?? []).join("; ")),
    row("Checked", c.checked),
    row("Please note", c.caveat),
  ];
  return all.filter((one) => one !== null);
}

function source(s: Fields): HTMLElement {
  const made = element("li", {}, [webLink(s.url, s.title) ?? s.title]);
  const more = [
    s.publisher,
    s.published && `Published: ${s.published}`,
    s.as_of && `As of: ${s.as_of_said ?? s.as_of}`,
    s.locator,
  ];
  for (const words of more) if (words) made.append(element("br"), words);
  return made;
}

function details(name: string, title: string, children: Node[]): HTMLDetailsElement {
  return element("details", { class: name }, [element("summary", {}, [title]), ...children]);
}

function letterOf(m: Message): Fields | undefined {
  return m.cards.find((one) => one.kind === "letter");
}

/** The Easy Read form, if there is one that says it in other words. */
function simpler(m: Message): string | null {
  return m.easy_read && m.easy_read !== m.text ? m.easy_read : null;
}

/** In Easy Read, an earlier message of the same answer has said all of this one. */
function saidAbove(m: Message, easyRead: boolean): boolean {
  return easyRead && m.easy_read === "";
}

/** What is read out when a message comes: not a whole letter with its blanks, and nothing twice. */
export function spoken(m: Message, easyRead: boolean): (string | Node)[] {
  const letter = letterOf(m);
  if (letter) return [`A letter to fill in: ${letter.title}.`];
  if (saidAbove(m, easyRead)) return [];
  const files = m.attachments.filter((a) => a.kind === "file").map((a) => ` A file came with it: ${a.title}.`);
  const text = ((easyRead && m.easy_read) || m.text) + files.join("");
  if (!m.language) return [text];
  const [first, ...rest] = text.split("\n");
  return [element("span", { lang: m.language }, [first]), ["", ...rest].join("\n")];
}

/** The words, without the lists that a card of this message shows as well: once is enough here. */
function words(m: Message, text: string): HTMLElement[] {
  const listed = m.cards.some((one) => one.kind === "crisis" || one.kind === "deadlines");
  const all = blocks(text);
  if (m.language) all[0]?.setAttribute("lang", m.language);
  return all.filter((block) => block.tagName !== "UL" || !listed);
}

/** "Was this helpful?", or what the person said of it. chat.ts sends it. */
function helpful(m: Message): HTMLElement | null {
  const asked = m.role === "assistant" && m.seq !== undefined && m.sources.length > 0;
  if (!asked || m.cards.some((one) => one.kind === "crisis")) return null;
  const made = element("div", { class: "helpful" });
  showHelpful(made, m);
  return made;
}

export function showHelpful(place: HTMLElement, m: Message): void {
  if (typeof m.helpful === "boolean") {
    const said = m.helpful ? "You said: this was helpful." : "You said: this was not helpful.";
    place.replaceChildren(element("p", { tabindex: "-1" }, [said]));
    return;
  }
  const choice = (title: string, helps: string) =>
    button(title, { "data-helpful": helps, "data-seq": String(m.seq), "aria-label": `${title}. Was this helpful?` });
  place.replaceChildren(element("p", {}, ["Was this helpful?"]), choice("Yes", "yes"), choice("No", "no"));
}

/** The full words of an answer that is shown in Easy Read: opened, the messages after it say theirs too. */
function fullAnswer(item: HTMLElement, full: HTMLElement[]): HTMLDetailsElement {
  const made = details("full-words", "Show the full answer", full);
  made.addEventListener("toggle", () => {
    for (let next = item.nextElementSibling; next?.classList.contains("message--more"); next = next.nextElementSibling) {
      const more = next as HTMLElement;
      more.querySelector<HTMLElement>(":scope > .more")!.hidden = !made.open;
      more.hidden = !made.open && more.dataset.alone === "yes";
    }
  });
  return made;
}

/** The list item of a message. */
export function messageItem(m: Message, view: View): HTMLElement {
  const made = element("li", { class: `message message--${m.role}` }, [element("p", { class: "message__who" }, [who(m)])]);
  const easy = simpler(m);
  const simple = view.easyRead && easy;
  const above = saidAbove(m, view.easyRead) && !letterOf(m);
  if (above) made.append(element("div", { class: "more", hidden: "" }, words(m, m.text)));
  else if (!letterOf(m)) made.append(...words(m, simple || m.text));
  made.append(...m.cards.map((one, index) => card(one, `${m.seq ?? "new"}-${index}`, view)));
  for (const a of m.attachments) {
    if (a.kind === "calendar" && typeof a.url === "string" && OWN_LINK.test(a.url)) {
      const link = element("a", { href: view.base + a.url, download: "" }, [a.title ?? a.url]);
      made.append(element("p", {}, [link]));
      continue;
    }
    if (a.kind === "file") {
      const words = `Download ${a.title} (${a.size_said})`;
      made.append(element("p", { class: "file" }, [button(words, { "data-file": a.id, "data-name": a.title })]));
      continue;
    }
    const link = webLink(a.url, a.title ?? a.url);
    if (link) made.append(element("p", {}, [link]));
  }
  if (simple && !letterOf(m)) made.append(fullAnswer(made, words(m, m.text)));
  else if (easy) made.append(details("easy-read", "Explain more simply", words(m, easy)));
  if (m.sources.length) {
    made.append(details("sources", "Where this comes from", [element("ul", {}, m.sources.map(source))]));
  }
  if (m.buttons.length) {
    const offered = m.buttons.map((b) => button(b.title, { type: "submit", form: "form", name: "payload", value: b.payload }));
    const choices = element("div", { class: "choices" }, offered);
    // What can be chosen stands right under a question; under an answer come its simpler words and its source first.
    if (m.sources.length) made.append(choices);
    else made.insertBefore(choices, made.querySelector(m.role === "system" ? ":scope > :is(.card, details)" : ":scope > details"));
  }
  const rating = helpful(m);
  if (rating) made.append(rating);
  if (above) {
    made.classList.add("message--more");
    made.hidden = made.children.length === 2; // nothing but who, and the words that were said above
    made.dataset.alone = made.hidden ? "yes" : "no";
  }
  return made;
}
