/** The elements of the chat that stay: log, box, buttons. In the full page the page itself brings title and help. */

import { button, element } from "./element.js";
import { contact, telephone } from "./render.js";
import type { Start } from "./types.js";

export type Mode = "widget" | "page";

export interface Frame {
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

function helpNow(start: Start): HTMLElement {
  return element("details", { class: "help-now" }, [
    element("summary", {}, ["In danger now?"]),
    element("p", {}, ["Please do not wait for an answer here."]),
    element("ul", { class: "contacts" }, start.contacts.map(contact)),
  ]);
}

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
  const panel = element(
    "section",
    { id: "panel", class: "panel", role: widget ? "dialog" : undefined, "aria-labelledby": "chat-title" },
    [
      element("div", { class: "head" }, [
        // After the title, which has the focus when the chat is opened.
        element("div", { class: "bar" }, [title, skip, close]),
        leave,
        element("div", { class: "tools" }, [easyRead, widget && helpNow(start)]),
      ]),
      status,
      log,
      newMessages,
      typing,
      announcer,
      form,
      element("div", { class: "ending" }, [options, end]),
      endQuestion,
    ],
  );
  return {
    panel, title, skip, leave, close, status, easyRead, log, messages, newMessages, typing, announcer, form, text,
    count, smaller, larger, pictures, save, print, end, endQuestion, endYes, endNo,
  };
}
