/**
 * The element <helpline-chat>: the whole chat behind a shadow root, so that the page's styles and scripts do not
 * reach in. `<script src=".../widget.js" defer>` puts one with a launcher on the page; our own page holds one with
 * mode="page".
 */

import css from "../chat.css";
import { Chat } from "./chat.js";
import { useColours } from "./colours.js";
import { Api, Refused } from "./connection.js";
import { button, element } from "./element.js";
import { helpNow, type Mode } from "./frame.js";
import { memory } from "./memory.js";
import type { Fields, Start, Ticket } from "./types.js";

/** gateway/embedding.py puts this script into a function with it: whom to contact in danger. Only that is known at once. */
declare const helplineContacts: Fields[] | undefined;
const CONTACTS = typeof helplineContacts === "undefined" ? [] : helplineContacts;

const NAME = "helpline-chat";
/** Whoever waits so long for the chat to open is told whom to contact meanwhile. */
const SLOW_MS = 3_000;
/** Below this width an open chat fills the window: it does not open by itself on the next page. */
const WIDE = "(min-width: 48em)";

const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const origin = script ? new URL(script.src).origin : location.origin;

class HelplineChat extends HTMLElement {
  /** Its language and direction are its own: the page around may be in Welsh, or in Urdu. */
  private readonly outermost = element("div", { class: "chat", lang: "en-GB", dir: "ltr" });
  private readonly launcher = button("", { id: "launcher", class: "launcher", "aria-expanded": "false" });
  private readonly place = element("div", { class: "place", hidden: "" });
  private readonly news = element("p", { class: "unseen", role: "status" });
  private chat: Chat | null = null;
  private made = false;

  private get mode(): Mode {
    return this.getAttribute("mode") === "page" ? "page" : "widget";
  }

  connectedCallback(): void {
    if (!this.made) this.make();
    this.onTop();
  }

  /** In the top layer nothing of the page can cover it, whatever its z-index. */
  private onTop(): void {
    if (this.mode !== "widget" || typeof this.showPopover !== "function") return;
    this.setAttribute("popover", "manual");
    if (!this.matches(":popover-open")) this.showPopover();
  }

  private make(): void {
    this.made = true;
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // constructed: needs no style-src in the page's policy
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    root.append(this.outermost);
    this.outermost.dataset.mode = this.mode;
    // Shortcuts of the page around must not take keys from somebody who writes here.
    for (const name of ["keydown", "keypress", "keyup"]) root.addEventListener(name, (event) => event.stopPropagation());
    if (this.mode === "page") {
      this.makePage();
      return;
    }
    this.tellNews(memory.get("news") === "yes");
    this.outermost.dataset.side = this.dataset.side === "left" ? "left" : "right";
    this.outermost.append(this.launcher, this.place, this.news);
    useColours(this, this.outermost);
    this.launcher.addEventListener("click", () => void this.open(true));
    document.addEventListener("focusin", (event) => this.makeRoom(event.target));
    // A page that the browser had kept as it was: what was read, or forgotten, on another one holds here too.
    window.addEventListener("pageshow", (event) => event.persisted && this.tellNews(memory.get("news") === "yes"));
    if (memory.get("open") === "yes" && matchMedia(WIDE).matches) void this.open(false);
  }

  /** The page has a plain form for browsers without JavaScript: here its place is taken. */
  private makePage(): void {
    const start: Start = JSON.parse(this.dataset.start ?? "");
    const field = (name: string) => this.querySelector<HTMLInputElement>(`input[name="${name}"]`)?.value ?? "";
    const [id, token] = [field("conversation"), field("token")];
    const draft = this.querySelector("textarea")?.value;
    if (draft) memory.set("draft", draft);
    this.replaceChildren();
    this.outermost.append(this.place);
    this.place.hidden = false;
    const ticket = id && token ? { id, token } : null;
    this.show(start, ticket);
    // What was sent to come here is not sent again by a reload, which goes on with the chat: a link works only once.
    if (ticket) history.replaceState(null, "", `/${location.search}`);
    const leave = document.getElementById("leave");
    if (leave instanceof HTMLAnchorElement) this.chat?.takeOverLeave(leave);
    document.querySelector('a[href="#chat"]')?.addEventListener("click", (event) => {
      event.preventDefault();
      this.chat?.focusText();
    });
  }

  private show(start: Start, ticket: Ticket | null): void {
    this.chat = new Chat(new Api(this.mode === "page" ? "" : origin), start, {
      host: this,
      outermost: this.outermost,
      mode: this.mode,
      area: start.area,
      ticket,
      close: (takeFocus) => this.close(takeFocus),
      event: (name) => {
        this.tellPage(name);
        if (this.place.hidden && ["answer", "adviser-message"].includes(name)) this.tellNews(true);
      },
    });
    this.place.replaceChildren(this.chat.frame.box);
  }

  /** Opens the chat; the focus goes into it when it was the person who opened it. */
  async open(byPerson: boolean): Promise<void> {
    const hasNews = this.chat !== null && memory.get("news") === "yes";
    useColours(this, this.outermost);
    this.launcher.setAttribute("aria-expanded", "true");
    this.launcher.hidden = true;
    this.place.hidden = false;
    memory.set("open", "yes");
    if (!this.chat) await this.load(byPerson);
    if (this.chat) this.tellNews(false);
    // Where the whole panel scrolls, the title is at its top: what is new is shown all the same.
    if (byPerson && this.hasFocus) this.chat?.frame.title.focus({ preventScroll: hasNews });
    if (hasNews) this.chat?.toNewest();
    this.tellPage("open");
  }

  /** On a slow line the person may have gone on to something of the page: it keeps the focus. */
  private get hasFocus(): boolean {
    return [this, document.body, null].includes(document.activeElement as HTMLElement | null);
  }

  private async load(byPerson: boolean): Promise<void> {
    const words = element("p", { tabindex: "-1" }, ["Opening the chat."]);
    const close = button("Close chat");
    close.addEventListener("click", () => this.close());
    const inside = element("div", { class: "inside" }, [words, element("div", { class: "actions" }, [close])]);
    const label = this.launcher.textContent ?? "";
    const panel = element("section", { class: "panel", role: "dialog", "aria-label": label }, [inside]);
    panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.place.replaceChildren(panel);
    if (byPerson) words.focus();
    const showHelp = () => {
      if (CONTACTS.length && !inside.querySelector("details")) inside.append(helpNow(CONTACTS, true));
    };
    const slow = setTimeout(showHelp, SLOW_MS);
    try {
      this.show(await this.begin(), null);
    } catch {
      const phone = this.dataset.phone ? ` You can call us: ${this.dataset.phone}.` : "";
      words.textContent = `The chat cannot be reached just now.${phone}`;
      const again = button("Try again");
      again.addEventListener("click", () => void this.open(true));
      close.before(again);
      showHelp();
      if (byPerson && this.hasFocus) words.focus();
    } finally {
      clearTimeout(slow);
    }
  }

  private async begin(): Promise<Start> {
    const api = new Api(origin);
    const area = this.dataset.area ?? null;
    try {
      return await api.start(area);
    } catch (error) {
      // An area that is misspelt, or unknown just now, keeps nobody out: the assistant asks for it.
      if (area === null || !(error instanceof Refused) || error.problem.code !== "invalid_fields") throw error;
      this.dataset.areaWarning = `${area} is no area of this helpline`;
      return api.start(null);
    }
  }

  private close(takeFocus = true): void {
    if (this.mode === "page" || this.place.hidden) return;
    this.place.hidden = true;
    this.launcher.hidden = false;
    this.launcher.setAttribute("aria-expanded", "false");
    memory.set("open", "");
    if (takeFocus) this.launcher.focus();
    this.tellPage("close");
  }

  /** What has the focus is seen: a chat that lies on all of something of the page that gets it closes, and leaves it there. */
  private makeRoom(target: EventTarget | null): void {
    if (this.place.hidden || !(target instanceof Element) || target === this) return;
    requestAnimationFrame(() => {
      const box = target.getBoundingClientRect();
      const [left, right] = [Math.max(box.left, 0), Math.min(box.right, window.innerWidth) - 1];
      const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, window.innerHeight) - 1];
      if (left > right || top > bottom) return;
      const across = [left, (left + right) / 2, right];
      const covered = [top, (top + bottom) / 2, bottom].every((y) => across.every((x) => document.elementFromPoint(x, y) === this));
      if (covered) this.close(false);
    });
  }

  /** A closed chat says on its button that there is something new in it, on the next page of the site too. */
  private tellNews(news: boolean): void {
    memory.set("news", news ? "yes" : "");
    const label = this.dataset.label || "Ask about autism and SEND";
    this.launcher.textContent = news ? `${label} (new message)` : label;
    this.news.textContent = news ? "There is a new message in the chat." : "";
  }

  /** For the council's own counting: off unless asked for, and never with anything that was said. */
  private tellPage(name: string): void {
    if (this.dataset.events !== "on") return;
    this.dispatchEvent(new CustomEvent(`helpline:${name}`, { bubbles: true, composed: true }));
  }
}

/** Puts the launcher on the page; outside the body, which some sites replace when a link is followed. */
function put(): void {
  if (document.querySelector(NAME)) return;
  const made = document.createElement(NAME);
  for (const [name, value] of Object.entries(script?.dataset ?? {})) made.dataset[name] = value;
  document.documentElement.append(made);
}

if (!customElements.get(NAME)) {
  customElements.define(NAME, HelplineChat);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", put);
  else put();
}
