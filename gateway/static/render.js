// @ts-check
/**
 * Builds a message's elements; templates/message.html builds the same ones on the server.
 * Everything people or feeds wrote is set as text, never as markup.
 */

/**
 * @typedef {{title: string, payload: string}} Button
 * @typedef {{[name: string]: any}} Fields
 * @typedef {{
 *   seq?: number, role: string, author?: string | null, text: string, easy_read?: string | null,
 *   buttons: Button[], cards: Fields[], sources: Fields[], attachments: Fields[],
 *   client_message_id?: string | null
 * }} Message
 */

const NEW_TAB = " (opens in a new tab)";

/** A path of our own: not "//elsewhere", which browsers take for another host. */
const OWN_LINK = /^\/[^/\\\s][^\\\s]*$/;

/**
 * @param {string} tag
 * @param {{[name: string]: string}} [attributes]
 * @param {(Node | string | null)[]} [children]
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * Who is speaking, in words that are always on the screen.
 * @param {{role: string, author?: string | null}} message
 */
export function who(message) {
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

/**
 * Plain text as paragraphs and lists.
 * @param {string} text
 */
function blocks(text) {
  /** @type {HTMLElement[]} */
  const found = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith("- ")) {
      if (found.at(-1)?.tagName !== "UL") found.push(element("ul"));
      found.at(-1)?.append(element("li", {}, [line.slice(2)]));
    } else if (line.trim()) {
      found.push(element("p", {}, [line]));
    }
  }
  return found;
}

/**
 * A link, if `url` is a web address; nothing else becomes one.
 * @param {unknown} url
 * @param {string} words
 */
function webLink(url, words) {
  if (typeof url !== "string" || !/^https?:\/\//i.test(url)) return null;
  return element("a", { href: url, rel: "noreferrer", target: "_blank" }, [words + NEW_TAB]);
}

/** @param {unknown} number */
function digits(number) {
  return String(number).replace(/[^\d+]/g, "");
}

/**
 * @param {string} label
 * @param {Node | string | null | undefined} value
 */
function row(label, value) {
  return value ? element("div", {}, [element("dt", {}, [label]), element("dd", {}, [value])]) : null;
}

/** @param {Fields} c */
function contact(c) {
  const lines = [element("p", {}, [element("strong", {}, [c.name])])];
  if (c.phone) {
    const note = c.phone_note ? ` (${c.phone_note})` : "";
    const call = element("a", { href: `tel:${digits(c.phone)}` }, [c.phone]);
    lines.push(element("p", {}, ["Call ", call, note]));
  }
  for (const words of [c.text, c.says, c.hours]) if (words) lines.push(element("p", {}, [words]));
  const link = webLink(c.url, c.url);
  if (link) lines.push(element("p", {}, [link]));
  return element("li", {}, lines);
}

/** @param {Fields} phone */
function phoneRow(phone) {
  const link = element("a", { href: `${phone.text_only ? "sms" : "tel"}:${digits(phone.number)}` }, [phone.number]);
  const value = element("span", {}, [link]);
  if (phone.extension) value.append(` extension ${phone.extension}`);
  if (phone.check) value.append(" (check before you rely on it)");
  return row(phone.label || (phone.text_only ? "Text" : "Phone"), value);
}

/**
 * What wait_chart.py worked out, as SVG elements.
 * @param {Fields} s
 * @returns {Element}
 */
function shape(s) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", s.tag);
  for (const [name, value] of Object.entries(s.attributes)) made.setAttribute(name, String(value));
  made.append(s.text, ...s.children.map(shape));
  return made;
}

/**
 * A letter to fill in; letters.js makes its buttons work in place.
 * @param {Fields} c
 * @param {string} prefix of the ids in this message
 */
function letterForm(c, prefix) {
  const made = element(
    "form",
    { class: "letter", method: "post", action: `/letters/${c.id}`, target: "_blank", autocomplete: "off" },
    [element("p", {}, [element("strong", {}, [c.note])])],
  );
  /** @param {string} name @param {string} words @param {HTMLElement[]} options */
  const select = (name, words, options) => {
    if (options.length < 2) return;
    made.append(element("label", { for: prefix + name }, [words]), element("select", { id: prefix + name, name }, options));
  };
  /** @param {Fields} one */
  const voice = (one) => element("option", { value: one.id, ...(one.id === c.voice && { selected: "" }) }, [one.label]);
  /** @param {Fields} one */
  const limit = (one) => element("option", { value: one.id }, [one.title]);
  select("voice", "Who writes", (c.voices ?? []).map(voice));
  select("limit", "What is late", (c.limits ?? []).map(limit));
  for (const f of c.fields ?? []) {
    const id = prefix + f.name;
    const common = { id, name: f.name, ...(f.hint && { "aria-describedby": `${id}-hint` }) };
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
      element("button", { ...submit, value: "page" }, ["Show the letter"]),
      element("button", { ...submit, value: "docx" }, ["Download as Word (.docx)"]),
    ]),
  );
  return made;
}

/** @param {Fields} c @param {string} key of the message, for ids */
function card(c, key) {
  const made = element("section", { class: `card card--${c.kind === "crisis" ? "crisis" : "plain"}` }, [
    element("h3", {}, [c.title ?? c.name ?? ""]),
  ]);
  if (c.description) made.append(...blocks(c.description));
  if (c.kind === "wait_chart" && c.drawing) {
    const caption = element("figcaption", {}, [c.caption ?? ""]);
    made.append(element("figure", { class: "chart" }, [/** @type {any} */ (shape(c.drawing)), caption]));
  }
  if (c.kind === "letter") made.append(letterForm(c, `letter-${key}-`));
  if (c.contacts?.length) made.append(element("ul", { class: "contacts" }, c.contacts.map(contact)));
  if (c.steps?.length) {
    const steps = c.steps.map((/** @type {Fields} */ step) =>
      element("li", {}, [element("strong", {}, [step.title]), ` ${step.text}`]),
    );
    made.append(element("ol", {}, steps));
  }
  if (c.dates?.length) {
    const dates = c.dates.map((/** @type {Fields} */ date) =>
      element("li", {}, [element("strong", {}, [date.said]), ` (${date.period}): ${date.title}`]),
    );
    made.append(element("ul", {}, dates));
  }
  const rows = [
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
  if (rows.some((one) => one !== null)) made.append(element("dl", {}, rows));
  return made;
}

/** @param {Fields} s */
function source(s) {
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

/**
 * @param {string} name
 * @param {string} title
 * @param {Node[]} children
 */
function details(name, title, children) {
  return element("details", { class: name }, [element("summary", {}, [title]), ...children]);
}

/** @param {Message} m */
function hasLetter(m) {
  return m.cards.find((one) => one.kind === "letter");
}

/**
 * What is read out when a message comes: not a whole letter with its blanks.
 * @param {Message} m
 */
export function spoken(m) {
  const letter = hasLetter(m);
  return letter ? `A letter to fill in: ${letter.title}.` : m.text;
}

/** @param {Message} m */
function hasCardForLists(m) {
  return m.cards.some((one) => one.kind === "crisis" || one.kind === "deadlines");
}

/**
 * The list item of a message.
 * @param {Message} m
 * @param {boolean} easyRead whether its Easy Read form is open from the start
 * @returns {HTMLElement}
 */
export function messageItem(m, easyRead) {
  const made = element("li", { class: `message message--${m.role}` }, [
    element("p", { class: "message__who" }, [who(m)]),
    // These cards show what the text lists for channels without cards: once is enough here.
    ...(hasLetter(m) ? [] : blocks(m.text)).filter((block) => block.tagName !== "UL" || !hasCardForLists(m)),
    ...m.cards.map((one) => card(one, String(m.seq ?? ""))),
  ]);
  for (const a of m.attachments) {
    if (a.kind === "calendar" && typeof a.url === "string" && OWN_LINK.test(a.url)) {
      made.append(element("p", {}, [element("a", { href: a.url, download: "" }, [a.title ?? a.url])]));
      continue;
    }
    const link = webLink(a.url, a.title ?? a.url);
    if (link) made.append(element("p", {}, [link]));
  }
  if (m.easy_read) {
    const simple = details("easy-read", "Easy Read", blocks(m.easy_read));
    simple.toggleAttribute("open", easyRead);
    made.append(simple);
  }
  if (m.sources.length) {
    const list = element("ul", {}, m.sources.map(source));
    made.append(details("sources", "Where this comes from", [list]));
  }
  if (m.buttons.length) {
    const buttons = m.buttons.map((b) =>
      element("button", { type: "submit", form: "form", name: "payload", value: b.payload }, [b.title]),
    );
    made.append(element("div", { class: "choices" }, buttons));
  }
  return made;
}
