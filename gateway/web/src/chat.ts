/** One chat on a page: shows what is said, sends what a person says, and keeps both through a bad connection. */

import { Api, Refused, Stream } from "./connection.js";
import { markDay } from "./days.js";
import { element, newId, button } from "./element.js";
import { type Frame, type Mode, buildFrame, helpWhileLost } from "./frame.js";
import { takeOverLetters } from "./letters.js";
import { memory } from "./memory.js";
import { printChat } from "./printing.js";
import { type View, messageItem, showHelpful, spoken, who } from "./render.js";
import { download, transcript } from "./transcript.js";
import type { Crisis, Message, Said, Start, Status, Ticket } from "./types.js";

/** Announced texts stay this long in the live region, so that slow speech is not cut off. */
const ANNOUNCED_MS = 30_000;
/** So near to the end of the log, in pixels, counts as being at the end. */
const NEAR_END_PX = 40;
/** "New messages" needs so much room below the log, in pixels. */
const BELOW_LOG_PX = 48;
/** How large the text may be, as data-size of the outermost element; widget.css says what each means. */
const LARGEST = 4;
/** From this size on the box does not stay at the lower edge of a small window. */
const LARGE = 2;
/** What could not be sent is tried again after so many seconds, then after twice as many, and so on. */
const FIRST_RETRY_S = 3;
const LAST_RETRY_S = 30;
/** A message that has not failed after so long is on its way: the next may follow. */
const AHEAD_MS = 300;
/** A page that was out of sight for so long may have lost its line without being told. */
const LONG_AWAY_MS = 30_000;
/** That the connection is back stays above the chat for so long. */
const BACK_MS = 10_000;
/** The numbers that nobody needs any more go so long after the focus has left them. */
const LEFT_MS = 500;
const SENDING = "Sending.";
const WORDS_FIRST = "Please write your message first.";
const BACK = "Connected again.";
const NOT_SENT = "Your message was not sent. You can try again.";
const ASSISTANT_WRITES = "The assistant is writing an answer.";
/** An answer that takes longer is told aloud: nobody has to wonder whether it still comes. */
const SLOW_MS = 5_000;
/** An adviser counts as writing for so long after the last sign of it; the desk gives one every three seconds. */
const TYPING_MS = 6_000;
/** From this part of the limit on, the person is told how much room is left. */
const NEARLY_FULL = 0.8;

/** A message on its way. */
interface Unsent {
  said: Said;
  words: string;
  item: HTMLElement;
  state: HTMLElement;
  /** It stays while it is tried again, so that it keeps the focus. */
  again: HTMLButtonElement;
  /** Why it has not arrived, once that was told. */
  why: string | null;
  /** Waits for the connection, or for the time that the server asked for. */
  waits: boolean;
  /** It failed though the line is alive: it may be what something on the way does not let through. */
  stuck: boolean;
}

export interface Hooks {
  host: HTMLElement;
  outermost: HTMLElement;
  mode: Mode;
  area: string | null;
  /** A chat that the page itself came with: begun without JavaScript, or in a messaging app. */
  ticket: Ticket | null;
  close: (takeFocus?: boolean) => void;
  event: (name: string) => void;
}

const NOBODY: Status = { owner: "bot", adviser: null, position: null };

export class Chat {
  readonly frame: Frame;
  private ticket: Ticket | null;
  private creating: Promise<Ticket> | null = null;
  private stream: Stream | null = null;
  /** What the page begins with, until it belongs to a chat. */
  private welcome: HTMLElement[] = [];
  private readonly shown = new Map<number, { item: HTMLElement; message: Message }>();
  private readonly unsent = new Map<string, Unsent>();
  private lastSeq = -1;
  private connected = true;
  private status: Status = NOBODY;
  private retrySeconds = FIRST_RETRY_S;
  private retryTimer: number | undefined;
  private sending = false;
  private deleting = false;
  /** Where we last scrolled to; if it is still there, the person has not moved it. */
  private placed = -1;
  /** What is read, in case the window gets another size. */
  private reading: { message: Element; above: number; unmoved: boolean } | null = null;
  private saidCount = "";
  private typingTimer: number | undefined;
  private backTimer: number | undefined;
  /** An adviser who stops and goes on is told aloud once a message. */
  private toldTyping = false;
  /** The crisis reply on which the window rests, until the person writes again or asks for what is new. */
  private urgentAt: number | null = null;

  constructor(
    private readonly api: Api,
    private readonly start: Start,
    private readonly hooks: Hooks,
  ) {
    this.frame = buildFrame(start, hooks.mode);
    this.ticket = hooks.ticket ?? this.keptTicket();
    if (hooks.ticket) this.keepTicket(hooks.ticket);
    this.setSize(Number(memory.get("size") ?? 0));
    this.listen();
    this.showWelcome();
    this.showState();
    this.frame.easyRead.setAttribute("aria-pressed", String(this.view.easyRead));
    this.frame.pictures.setAttribute("aria-pressed", String(!this.view.pictures));
    this.frame.text.value = memory.get("draft") ?? "";
    this.showCount();
    takeOverLetters(this.frame.messages, (words) => this.announce(words));
    void this.resume();
  }

  private get view(): View {
    return {
      base: this.api.base,
      easyRead: memory.get("easy-read") === "yes",
      pictures: memory.get("no-pictures") !== "yes",
    };
  }

  focusText(): void {
    this.frame.text.focus();
  }

  // -- showing -------------------------------------------------------------------------------------

  /** Whether the box and its buttons stay at the lower edge, outside of what scrolls: on a phone. */
  private get isPinned(): boolean {
    return getComputedStyle(this.frame.foot).position !== "static";
  }

  /** What scrolls: the log, or in a small window everything. */
  private get scroller(): HTMLElement {
    const { log, panel } = this.frame;
    if (getComputedStyle(log).overflowY === "auto") return log;
    return this.hooks.mode === "widget" ? panel : (document.scrollingElement as HTMLElement);
  }

  /** Between which lines of the window the log can be read, in pixels: what stays on top covers the rest. */
  private get readable(): { top: number; bottom: number } {
    const { scroller } = this;
    const whole = scroller === document.scrollingElement;
    const { top, bottom } = whole ? { top: 0, bottom: window.innerHeight } : scroller.getBoundingClientRect();
    const stays = this.frame.leave ?? document.getElementById("leave");
    const covers = stays && scroller !== this.frame.log && getComputedStyle(stays).position === "sticky";
    const foot = whole && this.isPinned ? this.frame.foot.getBoundingClientRect().top : bottom;
    return { top: top + (covers ? stays.offsetHeight : 0), bottom: Math.min(bottom - (whole ? this.docked : 0), foot) };
  }

  /** The last message that can be seen. */
  private get last(): Element | null {
    let last = this.frame.messages.lastElementChild;
    while (last instanceof HTMLElement && last.hidden) last = last.previousElementSibling;
    return last;
  }

  private atEnd(): boolean {
    const { last } = this;
    return !last || last.getBoundingClientRect().bottom - this.readable.bottom < NEAR_END_PX;
  }

  private scrolled(): void {
    this.placed = this.scroller.scrollTop;
    this.tellMore(!this.atEnd());
    this.noteReading();
  }

  private get isClosed(): boolean {
    return this.frame.panel.getClientRects().length === 0;
  }

  /** Notes which message is at the upper edge, and which part of it is above. */
  private noteReading(): void {
    const { log } = this.frame;
    if (!log.isConnected) return; // what waited from before a reload is shown before the chat has its place
    const box = log.getBoundingClientRect();
    const top = Math.max(this.readable.top, box.top);
    const root = log.getRootNode() as ShadowRoot | Document;
    const message = root.elementFromPoint(box.left + 24, top + 8)?.closest(".message");
    const unmoved = this.scroller.scrollTop === this.placed;
    this.reading = message
      ? { message, above: (top - message.getBoundingClientRect().top) / message.clientHeight, unmoved }
      : null;
  }

  /** Goes on with the same words when the window has another size, as when one zooms: something else may scroll now. */
  private readOn(): void {
    const { scroller, reading } = this;
    if (this.isClosed || !reading?.message.isConnected) return;
    const box = reading.message.getBoundingClientRect();
    scroller.scrollTop += box.top + reading.above * box.height - this.readable.top;
    if (reading.unmoved) this.placed = scroller.scrollTop;
  }

  /** How much of the window's lower end "New messages" takes, in pixels. */
  private get docked(): number {
    const { newMessages } = this.frame;
    return newMessages.classList.contains("docked") ? newMessages.offsetHeight : 0;
  }

  /** Whether the room below the log can be seen wherever one reads. */
  private get hasRoomBelow(): boolean {
    const { log, panel } = this.frame;
    if (this.isPinned) return true;
    if (this.scroller !== log) return false;
    if (this.hooks.mode === "widget") return panel.scrollHeight <= panel.clientHeight + 1;
    return log.getBoundingClientRect().bottom + BELOW_LOG_PX <= window.innerHeight;
  }

  /**
   * Shows or hides "New messages". It covers no words: it stands below the log; where that is not in sight, it gets a
   * line of its own, and what scrolls becomes so much lower.
   */
  private tellMore(more: boolean): void {
    const { log, newMessages } = this.frame;
    const root = newMessages.getRootNode() as ShadowRoot | Document;
    if (!more && root.activeElement === newMessages) log.focus({ preventScroll: true });
    newMessages.hidden = !more;
    newMessages.classList.toggle("docked", more && !this.hasRoomBelow);
    this.hooks.outermost.style.setProperty("--docked", `${this.docked}px`);
    // Our own page cannot be made lower: what gets the focus is scrolled to above the line.
    if (this.hooks.mode === "page") document.documentElement.style.scrollPaddingBottom = `${this.docked}px`;
  }

  /** After the window or the text has another size, or another part of the page is in sight. */
  private tellMoreAgain(): void {
    if (this.isClosed) return; // it has no size: everything seems to be in sight
    if (!this.frame.newMessages.hidden) this.tellMore(!this.atEnd());
  }

  private toEnd(): void {
    this.last?.scrollIntoView({ block: "end" });
    if (this.scroller === this.frame.log) this.frame.log.scrollTop = this.frame.log.scrollHeight;
    this.scrolled();
  }

  /**
   * Shows what is new, but no further than to where reading begins: an answer is read from the question on, an
   * adviser's words from their first. What must be seen at once (`urgent`) is shown from its own start.
   */
  private toNew(urgent: HTMLElement | null): void {
    const { scroller } = this;
    const from = urgent ?? this.readFrom();
    const offset = from ? from.getBoundingClientRect().top - this.readable.top : Infinity;
    scroller.scrollTop = Math.min(scroller.scrollHeight, scroller.scrollTop + offset);
    if (scroller === this.frame.log) this.frame.log.scrollIntoView({ block: "nearest" });
    this.scrolled();
  }

  /** Shows what came while the chat was closed; a crisis reply comes before all that followed it. */
  toNewest(): void {
    this.toNew(this.urgent);
  }

  private get urgent(): HTMLElement | null {
    return this.urgentAt === null ? null : (this.shown.get(this.urgentAt)?.item ?? null);
  }

  /** Back to the end after the room for the log has changed; or to a crisis reply, if the person is still at it. */
  private toEndAgain(): void {
    const { urgent } = this;
    if (!urgent) return this.toEnd();
    const { top, bottom } = this.readable;
    const start = urgent.getBoundingClientRect().top;
    const isAtIt = this.scroller.scrollTop === this.placed || (start > top - 1 && start < bottom);
    if (isAtIt) this.toNew(urgent);
    else this.toEnd();
  }

  /** The person's last message, or the first that an adviser wrote after it without the assistant in between. */
  private readFrom(): Element | undefined {
    const all = [...this.frame.messages.querySelectorAll(".message")];
    const mine = all.findLastIndex((item) => item.classList.contains("message--user"));
    const before = all.findLastIndex((item) => !item.classList.contains("message--adviser"));
    return all[Math.max(mine, before + 1 < all.length ? before + 1 : -1)];
  }

  /** Adds something to the log and scrolls only if the person is where the newest was (or just wrote). */
  private growing(change: () => void, mine: boolean, urgent: HTMLElement | null = null): void {
    const follow = mine || urgent !== null || this.atEnd() || this.scroller.scrollTop === this.placed;
    change();
    if (follow) this.toNew(urgent);
    else this.tellMore(true);
  }

  /** Who was at something in the log that `change` takes away stays in the log, and is not sent back to the page's top. */
  private keepingFocus(change: () => void): void {
    const { log } = this.frame;
    const root = log.getRootNode() as ShadowRoot | Document;
    const inside = root.activeElement !== log && log.contains(root.activeElement);
    change();
    if (inside && !log.contains(root.activeElement)) log.focus({ preventScroll: true });
  }

  announce(...words: (string | Node)[]): void {
    const line = element("p", {}, words);
    this.frame.announcer.append(line);
    setTimeout(() => line.remove(), ANNOUNCED_MS);
  }

  /** The same words, seen and heard. */
  private tell(words: string): void {
    this.setStatus(words);
    this.announce(words);
  }

  /** It stands above the log, and may need a line more than before: who reads further down is not moved. */
  private setStatus(words: string): void {
    clearTimeout(this.backTimer);
    this.noteReading();
    this.frame.status.textContent = words;
    this.readOn();
  }

  private showWelcome(): void {
    this.welcome.forEach((item) => item.remove());
    this.welcome = this.start.messages.map((message) => messageItem(message, this.view));
    this.frame.messages.prepend(...this.welcome);
  }

  private itemOf(message: Message): HTMLElement {
    const item = messageItem(message, this.view);
    if (message.created_at) item.dataset.at = message.created_at;
    return item;
  }

  /** Shows a message once, in its place by sequence number. `aloud`: whether it is news to the person. */
  private show(message: Message, aloud: boolean): void {
    const seq = message.seq ?? 0;
    this.forgetUnsent(message.client_message_id ?? "");
    if (this.shown.has(seq)) return;
    const item = this.itemOf(message);
    this.shown.set(seq, { item, message });
    const next = seq > this.lastSeq ? this.firstUnsent() : this.after(seq);
    this.lastSeq = Math.max(this.lastSeq, seq);
    const urgent = message.cards.some((one) => one.kind === "crisis") ? item : null;
    const place = () => {
      this.frame.messages.insertBefore(item, next ?? null);
      markDay(item);
    };
    // What follows a crisis reply does not move it away.
    if (this.urgentAt !== null && !urgent && message.role !== "user") place();
    else this.growing(place, message.role === "user", urgent);
    if (urgent) this.urgentAt = seq;
    else if (message.role === "user") this.urgentAt = null;
    if (message.role === "user") return;
    this.toldTyping = false;
    this.frame.typing.hidden = this.unsent.size === 0 || this.status.owner === "adviser";
    if (!aloud) return;
    const heard = spoken(message, this.view.easyRead);
    if (heard.length) this.announce(`${who(message)}: `, ...heard);
    this.hooks.event(message.role === "adviser" ? "adviser-message" : "answer");
  }

  private after(seq: number): HTMLElement | undefined {
    const later = [...this.shown.keys()].filter((other) => other > seq);
    return later.length ? this.shown.get(Math.min(...later))?.item : this.firstUnsent();
  }

  private firstUnsent(): HTMLElement | undefined {
    return this.unsent.values().next().value?.item;
  }

  /** All messages anew, in the form that the person likes. */
  private showAgain(): void {
    if (this.welcome.length) this.showWelcome();
    for (const [seq, { item, message }] of this.shown) {
      const now = this.itemOf(message);
      // A letter is the same in every form: the one that is begun or made stays.
      const letters = item.querySelectorAll("form.letter");
      now.querySelectorAll("form.letter").forEach((form, n) => form.parentElement?.replaceWith(letters[n]!.parentElement!));
      item.replaceWith(now);
      this.shown.set(seq, { item: now, message });
    }
  }

  /** The assistant ends with its answer; who answers slowly is told aloud. An adviser may stop without a word. */
  private showTyping(words: string, isAdviser: boolean): void {
    const { typing } = this.frame;
    typing.textContent = words;
    typing.hidden = false;
    clearTimeout(this.typingTimer);
    if (!isAdviser) {
      this.typingTimer = window.setTimeout(() => typing.hidden || this.announce(words), SLOW_MS);
      return;
    }
    if (!this.toldTyping) this.announce(words);
    this.toldTyping = true;
    this.typingTimer = window.setTimeout(() => (typing.hidden = true), TYPING_MS);
  }

  private showStatus(now: Status): void {
    const before = this.statusWords();
    this.status = now;
    if (this.statusWords() !== before) this.tell(this.statusWords());
  }

  private showConnected(now: boolean): void {
    if (now === this.connected) return;
    this.connected = now;
    this.stayingAtEnd(() => {
      this.showState();
      if (now) this.setStatus(`${BACK} ${this.statusWords()}`);
    });
    if (now) this.backTimer = window.setTimeout(() => this.setStatus(this.statusWords()), BACK_MS);
    this.announce(now ? BACK : this.statusWords());
    if (now) void this.sendWaiting();
  }

  /** Who has the chat; and whom to contact in danger, while nothing that is said here arrives. */
  private showState(): void {
    const { lost } = this.frame;
    this.setStatus(this.statusWords());
    if (!this.connected && lost.hidden && this.start.contacts.length) {
      lost.replaceChildren(...helpWhileLost(this.start.contacts));
      lost.hidden = false;
    }
    lost.querySelector(".lost__why")?.toggleAttribute("hidden", this.connected);
    this.leaveLost();
  }

  /** Takes the numbers away that nobody needs any more; not from who has the focus on one of them. */
  private leaveLost(): void {
    const { lost } = this.frame;
    if (!this.connected || lost.contains((lost.getRootNode() as ShadowRoot | Document).activeElement)) return;
    lost.hidden = true;
    lost.replaceChildren();
  }

  /** For a change that takes some of the room for the log, or gives it back. */
  private stayingAtEnd(change: () => void): void {
    const wasAtEnd = this.atEnd();
    change();
    if (wasAtEnd && !this.isClosed) this.toEndAgain();
  }

  private statusWords(): string {
    if (!this.connected) return "The connection is lost. I am trying again. Your words are kept.";
    switch (this.status.owner) {
      case "adviser":
        return `Adviser ${this.status.adviser ?? ""} is in this chat.`;
      case "queued":
        return `You are number ${this.status.position ?? 1} in the queue for a person. The assistant still answers.`;
      case "callback":
        return "A person will call you back. Meanwhile you are talking with an automated assistant.";
      default:
        return "You are talking with an automated assistant.";
    }
  }

  /** Says while typing how much room there is left; aloud only when that changes what to do. */
  private showCount(): void {
    const most = this.start.max_message_chars;
    const left = most - this.frame.text.value.length;
    const many = (n: number) => `${n} ${n === 1 ? "character" : "characters"}`;
    let stage = "";
    let words = "";
    if (left < 0) {
      stage = "over";
      words = `${many(-left)} more than I can read at once. You can send it: a person can read all of it.`;
    } else if (left < most * (1 - NEARLY_FULL)) {
      stage = "near";
      words = `Room for ${many(left)} more.`;
    }
    this.frame.count.textContent = words;
    if (stage && stage !== this.saidCount) this.announce(words);
    this.saidCount = stage;
  }

  /** Spaces alone are no message: nothing is sent, and the box says what to do. */
  private askForWords(): void {
    this.frame.text.value = "";
    memory.set("draft", "");
    this.showCount();
    this.frame.count.textContent = WORDS_FIRST;
    this.announce(WORDS_FIRST);
    this.frame.text.focus();
  }

  private setSize(size: number): void {
    const now = Math.min(LARGEST, Math.max(0, Number.isFinite(size) ? Math.round(size) : 0));
    this.hooks.outermost.dataset.size = String(now);
    this.hooks.outermost.toggleAttribute("data-large", now >= LARGE);
    this.frame.smaller.disabled = now === 0;
    this.frame.larger.disabled = now === LARGEST;
    memory.set("size", now ? String(now) : "");
    this.tellMoreAgain();
  }

  // -- the conversation ----------------------------------------------------------------------------

  /** Goes on with the chat of this tab, if there is one, and sends what was left unsent. */
  private async resume(): Promise<void> {
    for (const { said, words } of this.keptUnsent()) this.wait(said, words);
    if (this.ticket) await this.resumeChat(this.ticket);
    await this.sendWaiting();
  }

  /** Shows the chat so far above what was said and answered meanwhile; on a bad line it is asked for again. */
  private async resumeChat(ticket: Ticket, pause = FIRST_RETRY_S): Promise<void> {
    let answer;
    try {
      answer = await this.api.read(ticket, 0);
    } catch (error) {
      if (this.ticket !== ticket) return;
      if (error instanceof Refused && error.isGone) {
        this.leaveConversation();
        memory.clear(false);
        this.keepUnsent();
        return;
      }
      this.showConnected(false);
      setTimeout(() => void this.resumeChat(ticket, Math.min(LAST_RETRY_S, pause * 2)), pause * 1000);
      return;
    }
    if (this.ticket !== ticket) return;
    const sofar = document.createDocumentFragment();
    for (const message of answer.messages) {
      this.forgetUnsent(message.client_message_id ?? ""); // it had arrived before the page was left
      const seq = message.seq ?? 0;
      const item = this.shown.get(seq)?.item ?? this.itemOf(message);
      this.shown.set(seq, { item, message });
      this.lastSeq = Math.max(this.lastSeq, seq);
      sofar.append(item);
    }
    this.keepingFocus(() => {
      this.welcome.forEach((item) => item.remove());
      this.frame.messages.prepend(sofar);
    });
    this.welcome = [];
    for (const { item } of this.shown.values()) markDay(item);
    this.status = answer;
    this.showState();
    this.showConnected(true);
    this.follow(ticket, answer.messages.at(-1)?.seq ?? 0);
    this.toEndAgain();
  }

  private follow(ticket: Ticket, after: number): void {
    this.frame.end.hidden = false;
    this.stream = new Stream(this.api, ticket, after, {
      message: (message) => this.show(message, true),
      status: (status) => this.showStatus(status),
      typing: (frame) =>
        frame.who === "adviser"
          ? this.showTyping(`Adviser ${this.status.adviser ?? ""} is writing.`, true)
          : this.showTyping(ASSISTANT_WRITES, false),
      connected: (now) => this.showConnected(now),
      ended: () => {
        if (this.deleting) return; // by this page itself, which says so
        this.startAgain();
        this.tell("This chat is deleted. You can start a new one.");
      },
    });
  }

  private keptTicket(): Ticket | null {
    const [id, token] = [memory.get("id"), memory.get("token")];
    return id && token ? { id, token } : null;
  }

  private keepTicket(ticket: Ticket): void {
    this.ticket = ticket;
    memory.set("id", ticket.id);
    memory.set("token", ticket.token);
  }

  /** The conversation, created when the first thing is said. */
  private conversation(): Promise<Ticket> {
    if (this.ticket) return Promise.resolve(this.ticket);
    this.creating ??= this.api
      .create(this.hooks.area)
      .then((created) => {
        const ticket = { id: created.id, token: created.token };
        this.keepTicket(ticket);
        this.adopt(created.messages);
        this.follow(ticket, created.messages.at(-1)?.seq ?? 0);
        this.hooks.event("started");
        return ticket;
      })
      .finally(() => {
        this.creating = null;
      });
    return this.creating;
  }

  /** The welcome is on the page already: it is kept as it is, so that nothing moves under the person's hands. */
  private adopt(messages: Message[]): void {
    messages.forEach((message, index) => {
      const item = this.welcome[index];
      if (!item) return;
      if (message.created_at) item.dataset.at = message.created_at;
      this.shown.set(message.seq ?? 0, { item, message });
      this.lastSeq = Math.max(this.lastSeq, message.seq ?? 0);
    });
    this.welcome = [];
  }

  /** The chat is gone: the page begins anew, with whatever could not be sent. */
  private leaveConversation(): void {
    this.stream?.stop();
    this.stream = null;
    this.ticket = null;
    memory.set("id", "");
    memory.set("token", "");
    this.shown.clear();
    this.lastSeq = -1;
    this.connected = true;
    this.status = NOBODY;
    this.showState();
    this.keepingFocus(() => this.frame.messages.replaceChildren());
    this.showWelcome();
    for (const { item } of this.unsent.values()) this.frame.messages.append(item);
    this.frame.typing.hidden = true;
    this.frame.end.hidden = true;
    this.frame.endQuestion.hidden = true;
  }

  /** Back to an empty chat. */
  private startAgain(): void {
    this.clear();
    memory.clear(false);
  }

  private clear(): void {
    this.unsent.clear();
    clearTimeout(this.retryTimer);
    this.leaveConversation();
  }

  /**
   * After "back" to a page that the browser had kept as it was: what this tab has forgotten since, or begun, on
   * another page holds here too.
   */
  private comeBack(): void {
    const kept = this.keptTicket();
    if (kept && kept.id === this.ticket?.id) {
      void this.stream?.check();
    } else {
      this.clear();
      if (kept) this.keepTicket(kept);
      if (memory.get("open") !== "yes") this.hooks.close(false);
      void this.resume();
    }
    this.frame.text.value = memory.get("draft") ?? "";
    this.showCount();
  }

  // -- sending -------------------------------------------------------------------------------------

  /** Shows what was said at once and sends it. `words`: what the log shows, the text or the button's title. */
  private async say(said: Said, words: string): Promise<void> {
    this.wait(said, words);
    await this.sendWaiting();
  }

  /** Shows what was said, kept until it has arrived. */
  private wait(said: Said, words: string): void {
    const nothing = { buttons: [], cards: [], sources: [], attachments: [] };
    const item = messageItem({ role: "user", text: words, ...nothing }, this.view);
    const state = element("div", {}, [element("p", {}, [SENDING])]);
    const again = button("Try again", { hidden: "" });
    item.classList.add("message--unsent");
    item.append(element("div", { class: "message__state" }, [state, again]));
    const message: Unsent = { said, words, item, state, again, why: null, waits: true, stuck: false };
    again.addEventListener("click", () => again.ariaDisabled || void this.send(message));
    this.unsent.set(said.client_message_id, message);
    this.stream?.said();
    this.keepUnsent();
    this.growing(() => this.frame.messages.append(item), true);
  }

  /** A line each: old scripts on a page change how arrays are written as JSON. */
  private keepUnsent(): void {
    memory.set("unsent", [...this.unsent.values()].map(({ said, words }) => JSON.stringify({ said, words })).join("\n"));
  }

  private keptUnsent(): { said: Said; words: string }[] {
    return (memory.get("unsent") ?? "").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  private forgetUnsent(id: string): void {
    this.keepingFocus(() => this.unsent.get(id)?.item.remove());
    if (this.unsent.delete(id)) this.keepUnsent();
  }

  private async send(message: Unsent): Promise<void> {
    const { said } = message;
    message.waits = false;
    message.state.replaceChildren(element("p", {}, [SENDING]));
    message.again.ariaDisabled = "true";
    if (this.status.owner !== "adviser") this.showTyping(ASSISTANT_WRITES, false);
    try {
      const ticket = await this.conversation().catch((error) => this.unread(error, said));
      const answer = await this.api.send(ticket, said);
      this.retrySeconds = FIRST_RETRY_S;
      this.showConnected(true);
      this.show(answer.message, false);
      answer.replies.forEach((reply) => this.show(reply, true));
      this.showStatus(answer);
      this.frame.typing.hidden = true;
      this.hooks.event(said.payload === this.start.person_button.payload ? "person-asked" : "message-sent");
    } catch (error) {
      this.frame.typing.hidden = true;
      if (!this.unsent.has(said.client_message_id)) return; // it did arrive: the socket brought it
      if (error instanceof Refused && error.isGone) this.leaveConversation();
      this.notSent(error, message);
    }
  }

  /** No chat could be begun, so nobody has read the words: if they speak of danger, the numbers come all the same. */
  private async unread(error: unknown, said: Said): Promise<never> {
    if (error instanceof Refused && said.text !== undefined) {
      const crisis = await this.api.helpNow(said.text).catch(() => null);
      if (crisis) throw new Refused({ ...error.problem, crisis }, error.retryAfter);
    }
    throw error;
  }

  private notSent(error: unknown, message: Unsent): void {
    const { said, item, again } = message;
    const crisis = error instanceof Refused ? error.problem.crisis : undefined;
    if (error instanceof Refused && error.problem.status === 413) {
      // Sending the same again cannot work: the words go back into the box, before what was begun meanwhile.
      this.frame.text.value = [said.text, this.frame.text.value].filter(Boolean).join("\n");
      memory.set("draft", this.frame.text.value);
      this.tell("Your message is too long. It is still in the box. Please make it shorter.");
      if (crisis) this.showHelp(crisis, item);
      this.forgetUnsent(said.client_message_id);
      this.frame.text.focus();
      return;
    }
    const busy = error instanceof Refused && error.problem.status === 429;
    message.waits = busy || !(error instanceof Refused);
    const title = error instanceof Refused ? error.problem.title.replace(/^\w/, (first) => first.toLowerCase()) : "";
    message.why = "Not sent. It will be sent when the connection is back.";
    if (busy) message.why = `Not sent yet: ${title}. It will be sent by itself soon.`;
    else if (title) message.why = `Not sent: ${title}.`;
    // Aloud once, and when the person tried; not each time that we try by ourselves.
    const aloud = again.hidden === true || again.matches(":focus");
    again.ariaDisabled = null;
    again.hidden = false;
    this.tellUnsent(message, [message.why, NOT_SENT], aloud);
    if (!(error instanceof Refused)) {
      // Nobody answered at all: is the line dead?
      if (this.stream) void this.stream.check().then((alive) => (message.stuck = alive));
      else this.showConnected(false);
    }
    if (message.waits) this.tryAgainIn(busy ? (error.retryAfter ?? this.retrySeconds) : this.retrySeconds);
    if (crisis) this.showHelp(crisis, item);
  }

  /** Says at a message why it has not arrived: the same words, in the same order, seen and heard. */
  private tellUnsent(message: Unsent, lines: string[], aloud: boolean): void {
    this.growing(() => message.state.replaceChildren(...lines.map((line) => element("p", {}, [line]))), false);
    if (aloud) lines.forEach((line) => this.announce(line));
  }

  /** Said even though nothing could be saved: somebody may be in danger now. */
  private showHelp(crisis: Crisis, after: HTMLElement): void {
    const help = { role: "assistant", buttons: [], sources: [], attachments: [], ...crisis };
    const item = messageItem(help, this.view);
    this.growing(() => after.after(item), true, item);
    this.announce(crisis.text);
  }

  private tryAgainIn(seconds: number): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(() => void this.sendWaiting(), seconds * 1000);
    this.retrySeconds = Math.min(LAST_RETRY_S, this.retrySeconds * 2);
  }

  /**
   * Sends what waits, in the order in which it was said. One that is long in the answering holds up no other;
   * one that can not be sent does, or the next would overtake it; but not one that is stuck: the next may be a cry
   * for help.
   */
  private async sendWaiting(): Promise<void> {
    if (this.sending) return; // it comes to the newest as well
    this.sending = true;
    try {
      let why: string | null = null;
      for (const message of this.unsent.values()) {
        if (!message.waits) continue;
        if (why !== null) {
          const aloud = message.why === null;
          message.why = why;
          // It was never tried by itself, so there is nothing to try again: the first one carries the others.
          this.tellUnsent(message, message.again.hidden ? [why] : [why, NOT_SENT], aloud);
          continue;
        }
        await Promise.race([this.send(message), new Promise((resolve) => setTimeout(resolve, AHEAD_MS))]);
        if (message.waits && !message.stuck) why = message.why;
      }
    } finally {
      this.sending = false;
    }
  }

  // -- what the person does ------------------------------------------------------------------------

  private listen(): void {
    const { frame } = this;
    // Whichever of them scrolls: it depends on the window's size.
    for (const one of [frame.log, frame.panel, document]) {
      one.addEventListener("scroll", () => {
        if (one !== frame.log || this.atEnd()) this.tellMoreAgain();
        this.noteReading();
      });
    }
    window.addEventListener("resize", () => {
      this.readOn();
      this.tellMoreAgain();
    });
    // What scrolls ends where the box begins, however much is written in it.
    let high = 0;
    new ResizeObserver(() => {
      if (this.isClosed) return;
      const wasAtEnd = high > 0 && this.isPinned && this.atEnd();
      high = frame.foot.offsetHeight;
      this.hooks.outermost.style.setProperty("--foot", `${high}px`);
      if (wasAtEnd) this.toEndAgain();
    }).observe(frame.foot);
    frame.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const pressed = event.submitter;
      if (pressed instanceof HTMLButtonElement && pressed.name === "payload") {
        void this.say({ client_message_id: newId(), payload: pressed.value }, pressed.textContent ?? "");
        return;
      }
      const words = frame.text.value;
      if (!words.trim()) {
        this.askForWords();
        return;
      }
      frame.text.value = "";
      memory.set("draft", "");
      this.showCount();
      void this.say({ client_message_id: newId(), text: words }, words);
    });
    frame.text.addEventListener("keydown", (event) => {
      // Enter sends, Shift and Enter makes a new line; not while an input method is composing a word.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        frame.form.requestSubmit();
      }
    });
    frame.text.addEventListener("input", () => {
      memory.set("draft", frame.text.value);
      this.showCount();
      if (this.status.owner === "adviser") this.stream?.writing();
    });
    frame.easyRead.addEventListener("click", () => {
      memory.set("easy-read", this.view.easyRead ? "" : "yes");
      frame.easyRead.setAttribute("aria-pressed", String(this.view.easyRead));
      this.showAgain();
      this.announce(this.view.easyRead ? "Easy Read is on." : "Easy Read is off.");
    });
    frame.pictures.addEventListener("click", () => {
      memory.set("no-pictures", this.view.pictures ? "yes" : "");
      frame.pictures.setAttribute("aria-pressed", String(!this.view.pictures));
      this.showAgain();
      this.announce(this.view.pictures ? "Pictures are shown." : "Pictures are replaced by words.");
    });
    frame.messages.addEventListener("click", (event) => {
      const pressed = event.target instanceof Element ? event.target.closest("button[data-helpful], button[data-file]") : null;
      if (!(pressed instanceof HTMLButtonElement)) return;
      if (pressed.dataset.file) void this.fetchFile(pressed, pressed.dataset.file);
      else void this.rate(pressed);
    });
    // Afterwards: who goes to another window has not left the number, and a press ends where it began.
    frame.lost.addEventListener("focusout", () => {
      setTimeout(() => this.connected && !frame.lost.hidden && this.stayingAtEnd(() => this.leaveLost()), LEFT_MS);
    });
    frame.newMessages.addEventListener("click", () => {
      this.urgentAt = null;
      this.toEnd();
      frame.log.focus();
    });
    frame.skip?.addEventListener("click", (event) => {
      event.preventDefault();
      this.focusText();
    });
    frame.smaller.addEventListener("click", () => this.changeSize(-1));
    frame.larger.addEventListener("click", () => this.changeSize(1));
    frame.save.addEventListener("click", () => this.save());
    frame.print.addEventListener("click", () => printChat(this.hooks.host, this.hooks.mode === "widget"));
    frame.close?.addEventListener("click", () => this.hooks.close());
    frame.end.addEventListener("click", () => {
      frame.endQuestion.hidden = false;
      frame.endYes.focus();
    });
    frame.endNo.addEventListener("click", () => this.keepIt());
    frame.endYes.addEventListener("click", () => this.deleteIt());
    frame.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      if (!frame.endQuestion.hidden) this.keepIt();
      else this.hooks.close();
    });
    if (frame.leave) this.takeOverLeave(frame.leave);
    this.watchTheLine();
  }

  /** The browser knows of some of what cuts a line; it is asked for at once then, not when somebody misses a word. */
  private watchTheLine(): void {
    const check = () => this.stream?.check();
    window.addEventListener("offline", check);
    window.addEventListener("online", () => {
      check();
      void this.sendWaiting();
    });
    let since = Date.now();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && Date.now() - since > LONG_AWAY_MS) check();
      since = Date.now();
    });
    window.addEventListener("pageshow", (event) => event.persisted && this.comeBack());
  }

  /** "Leave this page quickly": forgets the chat on this device, and "back" does not lead here. */
  takeOverLeave(link: HTMLAnchorElement): void {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      memory.clear(true);
      location.replace(link.href);
    });
  }

  private changeSize(step: number): void {
    this.setSize(Number(this.hooks.outermost.dataset.size) + step);
    const { smaller, larger } = this.frame;
    if (step < 0 && smaller.disabled) larger.focus(); // a button that cannot be pressed any more loses the focus
    if (step > 0 && larger.disabled) smaller.focus();
    (step > 0 ? larger : smaller).scrollIntoView({ block: "nearest" }); // it may be pressed again
    this.announce(step > 0 ? "The text is larger." : "The text is smaller.");
  }

  private save(): void {
    const messages = [...this.shown.values()].map(({ message }) => message).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    const all = messages.length ? messages : this.start.messages;
    const text = transcript(this.start.service_name, all);
    download(new Blob([text], { type: "text/plain;charset=utf-8" }), "chat.txt");
    this.announce("The chat is in your downloads. Others who use this device can read it there.");
  }

  private async rate(pressed: HTMLButtonElement): Promise<void> {
    const found = this.shown.get(Number(pressed.dataset.seq));
    const place = pressed.parentElement;
    if (!found || !place || !this.ticket) return;
    const helpful = pressed.dataset.helpful === "yes";
    try {
      await this.api.rate(this.ticket, found.message.seq ?? 0, helpful);
    } catch {
      const state = place.querySelector(".helpful__state") ?? element("p", { class: "helpful__state" });
      state.textContent = "That could not be saved. Please try again.";
      place.append(state);
      this.announce(state.textContent);
      return;
    }
    found.message = { ...found.message, helpful };
    const focused = place.contains((place.getRootNode() as ShadowRoot | Document).activeElement);
    showHelpful(place, found.message);
    if (focused) place.querySelector("p")?.focus();
    this.announce("Thank you for telling us.");
  }

  /** Into the downloads. The token goes in a header, so that no address of it is left in the browser's history. */
  private async fetchFile(pressed: HTMLButtonElement, id: string): Promise<void> {
    if (!this.ticket || pressed.ariaBusy === "true") return;
    pressed.ariaBusy = "true"; // it stays where it is, and keeps the focus
    let said = "The file is in your downloads. Others who use this device can see it there.";
    try {
      download(await this.api.file(this.ticket, id), pressed.dataset.name ?? "file");
    } catch {
      said = "The file could not be fetched just now. Please try again.";
    }
    pressed.ariaBusy = null;
    const state = pressed.parentElement?.querySelector(".file__state") ?? element("span", { class: "file__state" });
    state.textContent = said;
    pressed.after(state);
    this.announce(said);
  }

  private keepIt(): void {
    this.frame.endQuestion.hidden = true;
    this.frame.end.focus();
  }

  private async deleteIt(): Promise<void> {
    if (!this.ticket) return;
    this.deleting = true;
    try {
      await this.api.remove(this.ticket);
    } catch (error) {
      if (!(error instanceof Refused && error.isGone)) {
        this.tell("The chat could not be deleted just now. Please try again.");
        return;
      }
    } finally {
      this.deleting = false;
    }
    this.startAgain();
    this.tell("This chat is deleted. You can start a new one.");
    this.hooks.event("ended");
    this.frame.text.value = "";
    this.showCount();
    this.frame.text.focus();
  }
}
