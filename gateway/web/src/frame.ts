/** The elements of the chat that stay: log, box, buttons. In the full page the page itself brings title and help. */

import { button, element } from "./element.js";
import { contact, telephone } from "./render.js";
import type { Fields, Start } from "./types.js";

export type Mode = "widget" | "page";

export interface Frame {
  /** The whole chat as one sees it; and in it, what may have to scroll. */
  box: HTMLElement;
  panel: HTMLElement;
  title: HTMLElement;
  skip: HTMLAnchorElement | null;
  leave: HTMLAnchorElement | null;
  close: HTMLButtonElement | null;
  status: HTMLElement;
  easyRead: HTMLButtonElement;
  log: HTMLElement;
  messages: HTMLOListElement;
  newMessages: HTMLButtonElement;
  typing: HTMLElement;
  announcer: HTMLElement;
  /** What stays in sight on a phone: the box, its buttons, and whom to contact while the connection is lost. */
  foot: HTMLElement;
  lost: HTMLElement;
  form: HTMLFormElement;
  text: HTMLTextAreaElement;
  count: HTMLElement;
  smaller: HTMLButtonElement;
  larger: HTMLButtonElement;
  pictures: HTMLButtonElement;
  save: HTMLButtonElement;
  print: HTMLButtonElement;
  end: HTMLButtonElement;
  endQuestion: HTMLElement;
  endYes: HTMLButtonElement;
  endNo: HTMLButtonElement;
}

/** @param open whether the contacts are seen at once, or at a press */
export function helpNow(contacts: Fields[], open: boolean): HTMLDetailsElement {
  return element("details", { class: "help-now", open: open ? "" : undefined }, [
    element("summary", {}, [IN_DANGER]),
    element("p", {}, [DO_NOT_WAIT]),
    element("ul", { class: "contacts" }, contacts.map(contact)),
  ]);
}

/**
 * The same contacts in a line each: they must leave room for the words, and for the box. It says why it is there: on a
 * phone the line that tells who has the chat may be out of sight.
 */
export function helpWhileLost(contacts: Fields[]): HTMLElement[] {
  const line = (c: Fields) => element("li", {}, [`${c.name}: `, c.phone ? telephone(c.phone) : c.text]);
  return [
    element("p", {}, [element("span", { class: "lost__why" }, ["The connection is lost. "]), element("strong", {}, [IN_DANGER]), ` ${DO_NOT_WAIT}`]),
    element("ul", {}, contacts.filter((c) => c.phone || c.text).map(line)),
  ];
}

const IN_DANGER = "In danger now?";
const DO_NOT_WAIT = "Please do not wait for an answer here.";

export function buildFrame(start: Start, mode: Mode): Frame {
  const widget = mode === "widget";
  const title = element("h2", { id: "chat-title", tabindex: widget ? "-1" : undefined }, [
    widget ? start.service_name : "Chat",
  ]);
  const skip = widget ? element("a", { class: "skip", href: "#text" }, ["Skip to your message"]) : null;
  const leave = widget
    ? element("a", { id: "leave", class: "leave", href: start.leave_url, rel: "noreferrer nofollow" }, [
        "Leave this page quickly",
      ])
    : null;
  const close = widget ? button("Close chat", { id: "close" }) : null;
  const status = element("p", { id: "status", class: "status" });
  const easyRead = button("Easy Read", { id: "easy-read", "aria-pressed": "false", class: "switch" });
  const messages = element("ol", { id: "messages", class: "messages" });
  const log = element(
    "div",
    { id: "log", class: "log log--live", role: "log", "aria-live": "off", "aria-labelledby": "chat-title", tabindex: "0" },
    [messages],
  );
  const newMessages = button("New messages", { id: "new-messages", hidden: "" });
  const typing = element("p", { id: "typing", class: "typing", hidden: "" });
  const announcer = element("div", { id: "announcer", class: "unseen", "aria-live": "polite" });
  const text = element("textarea", { id: "text", name: "text", rows: "2", autocomplete: "off", "aria-describedby": "count" });
  const count = element("p", { id: "count", class: "hint" });
  const call = start.phone ? [start.hours ? " Or call " : "You can also call ", telephone(start.phone)] : [];
  const hours = element("p", { id: "hours", class: "hint" }, [start.hours, ...call]);
  const lost = element("div", { id: "lost", class: "lost", role: "group", "aria-label": IN_DANGER, hidden: "" });
  const form = element("form", { id: "form" }, [
    element("label", { for: "text" }, ["Your message"]),
    text,
    count,
    element("div", { class: "actions" }, [
      button("Send", { type: "submit", class: "main" }),
      button(start.person_button.title, { type: "submit", name: "payload", value: start.person_button.payload }),
    ]),
    hours,
  ]);
  const foot = element("div", { id: "foot", class: "foot" }, [lost, typing, newMessages, form]);
  const smaller = button("Smaller text");
  const larger = button("Larger text");
  const pictures = button("No pictures", { id: "no-pictures", "aria-pressed": "false", class: "switch" });
  const save = button("Save this chat as text");
  const print = button("Print this chat");
  const options = element("details", { class: "options" }, [
    element("summary", {}, ["Text size, pictures, save, print"]),
    element("div", { class: "actions" }, [smaller, larger, pictures, save, print]),
  ]);
  const end = button("End and delete this chat", { id: "end", hidden: "" });
  const endYes = button("Yes, delete it", { id: "end-yes", "aria-describedby": "end-words" });
  const endNo = button("No, keep it", { id: "end-no", "aria-describedby": "end-words" });
  const endQuestion = element("div", { id: "end-question", hidden: "" }, [
    element("p", { id: "end-words" }, ["Delete this chat? It cannot be brought back."]),
    element("div", { class: "actions" }, [endYes, endNo]),
  ]);
  const panel = element("div", { id: "panel", class: "inside" }, [
    element("div", { class: "head" }, [
      // After the title, which has the focus when the chat is opened.
      element("div", { class: "bar" }, [title, skip, close]),
      leave,
      element("div", { class: "tools" }, [easyRead, widget && helpNow(start.contacts, false)]),
    ]),
    status,
    log,
    foot,
    announcer,
    element("div", { class: "ending" }, [options, end]),
    endQuestion,
  ]);
  const role = widget ? "dialog" : undefined;
  const box = element("section", { class: "panel", role, "aria-labelledby": "chat-title" }, [panel]);
  return {
    box, panel, title, skip, leave, close, status, easyRead, log, messages, newMessages, typing, announcer, foot, lost, form, text,
    count, smaller, larger, pictures, save, print, end, endQuestion, endYes, endNo,
  };
}
