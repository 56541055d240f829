/** Talks to the gateway: sends by POST, receives by WebSocket, and by asking again where sockets are blocked. */

import type { Crisis, Message, Problem, Said, Start, Status, Ticket } from "./types.js";

/** A turn is bounded by the server; this is for a network that swallows the answer. */
const PATIENCE_MS = 30_000;
const LONGEST_PAUSE_MS = 30_000;
/** While there is no socket, the log is read this often. */
const FIRST_PAUSE_MS = 1_000;

const WRITING_MS = 3_000;
/** Exactly so: the gateway compares the frame as it is. */
const WRITING = '{"type":"typing"}';

/** What the server says is wrong; or, without a code, that something on the way to it let nothing through. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    /** Seconds after which it may be tried again, if the server says so. */
    readonly retryAfter: number | null,
  ) {
    super(problem.title);
  }

  /** The helpline does not know the chat any more. Whoever else says 404 knows nothing of it. */
  get isGone(): boolean {
    return this.problem.code !== "" && [401, 404].includes(this.problem.status);
  }
}

/** What an answer that is no success means. Filters and proxies answer with pages of their own. */
async function refusal(response: Response): Promise<Error> {
  const { status } = response;
  const said: Partial<Problem> | null = await response.json().catch(() => null);
  const isOurs = typeof said?.title === "string" && typeof said.code === "string";
  if (!isOurs && (status >= 500 || status === 408)) return new Error(String(status)); // it may pass by itself
  const blocked = { title: "Something on the way to us did not let it through", code: "", status, detail: "" };
  return new Refused(isOurs ? (said as Problem) : blocked, Number(response.headers.get("Retry-After")) || null);
}

/** The gateway at an address; "" is the page's own. */
export class Api {
  constructor(readonly base: string) {}

  start(area: string | null): Promise<Start> {
    return this.call(`/start${area ? `?area=${encodeURIComponent(area)}` : ""}`, "GET", null);
  }

  create(area: string | null): Promise<Ticket & Status & { messages: Message[] }> {
    return this.call("/conversations", "POST", null, area ? { area } : {});
  }

  remove(ticket: Ticket): Promise<void> {
    return this.call(`/conversations/${ticket.id}`, "DELETE", ticket.token);
  }

  read(ticket: Ticket, after: number): Promise<Status & { messages: Message[] }> {
    return this.call(`/conversations/${ticket.id}/messages?after=${after}`, "GET", ticket.token);
  }

  send(ticket: Ticket, said: Said): Promise<Status & { message: Message; replies: Message[] }> {
    return this.call(`/conversations/${ticket.id}/messages`, "POST", ticket.token, said);
  }

  rate(ticket: Ticket, seq: number, helpful: boolean): Promise<void> {
    return this.call(`/conversations/${ticket.id}/messages/${seq}/feedback`, "PUT", ticket.token, { helpful });
  }

  /** A file that came with a message. */
  async file(ticket: Ticket, id: string): Promise<Blob> {
    const response = await fetch(`${this.base}/api/v1/conversations/${ticket.id}/files/${encodeURIComponent(id)}`, {
      headers: { Authorization: `Bearer ${ticket.token}` },
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    if (!response.ok) throw await refusal(response);
    return response.blob();
  }

  /** The crisis reply to words that could not be sent, or null. */
  async helpNow(text: string): Promise<Crisis | null> {
    const answer: { crisis: Crisis | null } = await this.call("/help", "POST", null, { text });
    return answer.crisis;
  }

  socket(ticket: Ticket): WebSocket {
    const url = new URL(`${this.base}/api/v1/conversations/${ticket.id}/socket`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url);
  }

  private async call<T>(path: string, method: string, token: string | null, body?: object): Promise<T> {
    const response = await fetch(`${this.base}/api/v1${path}`, {
      method,
      headers: {
        ...(body ? { "Content-Type": "application/json" } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: body ? JSON.stringify(body) : undefined,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status === 204) return undefined as T;
    if (!response.ok) throw await refusal(response);
    return response.json();
  }
}

export interface Listener {
  message(message: Message): void;
  status(status: Status): void;
  typing(frame: { who?: string }): void;
  connected(connected: boolean): void;
  ended(): void;
}

/** Receives everything of one conversation, once and in order, for as long as it is open. */
export class Stream {
  private stopped = false;
  private failures = 0;
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private checking: Promise<boolean> | null = null;
  private toldWriting = 0;

  /** @param after the last sequence number that was read in order */
  constructor(
    private readonly api: Api,
    private readonly ticket: Ticket,
    private after: number,
    private readonly listener: Listener,
  ) {
    this.connect();
  }

  /** Ends it for good. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /** Tells an adviser that the person is writing; not what, and no oftener than every few seconds. */
  writing(): void {
    if (this.socket?.readyState !== WebSocket.OPEN || Date.now() - this.toldWriting < WRITING_MS) return;
    this.toldWriting = Date.now();
    this.socket.send(WRITING);
  }

  /** What is written after this message is told at once. */
  said(): void {
    this.toldWriting = 0;
  }

  /**
   * Asks now whether the server is there. For when there is reason to doubt it: a network that went or came back, a
   * device that slept, a message that got no answer. A socket may look open long after its line is dead.
   */
  check(): Promise<boolean> {
    if (this.stopped) return Promise.resolve(false);
    if (this.checking) return this.checking;
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null; // what it still says is not listened to: the log is read again from where we were
    socket?.close();
    return this.poll();
  }

  private connect(): void {
    this.timer = undefined;
    let socket: WebSocket;
    try {
      socket = this.api.socket(this.ticket);
    } catch {
      this.again(); // a page's policy forbids sockets: the log is asked for instead
      return;
    }
    this.socket = socket;
    socket.addEventListener("open", () => {
      // The server sends what came after this number: nothing is missed and nothing comes twice.
      socket.send(JSON.stringify({ type: "hello", token: this.ticket.token, after: this.after }));
    });
    socket.addEventListener("message", (event) => {
      if (socket === this.socket) this.take(JSON.parse(event.data));
    });
    const lost = (code: number) => {
      if (socket !== this.socket || this.stopped) return;
      this.socket = null;
      if (code === 4401 || code === 4404) this.end();
      else this.again();
    };
    socket.addEventListener("close", (event) => lost(event.code));
    // Where a page's policy forbids the socket, Chromium tells of an error and never closes it.
    socket.addEventListener("error", () => window.setTimeout(lost, FIRST_PAUSE_MS, 0));
  }

  private take(frame: any): void {
    this.failures = 0;
    this.listener.connected(true);
    if (frame.type === "message") this.read(frame.message);
    // An adviser waits for a word that it is here. What was missed is told with the next hello.
    if (frame.message?.role === "adviser") {
      this.socket?.send(JSON.stringify({ type: "arrived", seq: frame.message.seq }));
    }
    if (frame.type === "status") this.listener.status(frame);
    if (frame.type === "typing") this.listener.typing(frame);
  }

  private read(message: Message): void {
    this.after = Math.max(this.after, message.seq ?? 0);
    this.listener.message(message);
  }

  private again(): void {
    this.failures += 1;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.failures - 1));
    // Spread out, so that a restarted server is not met by everybody at once.
    this.timer = window.setTimeout(() => void this.poll(), pause * (0.5 + Math.random() / 2));
  }

  private poll(): Promise<boolean> {
    this.checking = this.ask().finally(() => (this.checking = null));
    return this.checking;
  }

  /** Reads the log, and goes on from there; returns whether the server answered. */
  private async ask(): Promise<boolean> {
    try {
      const answer = await this.api.read(this.ticket, this.after);
      if (this.stopped) return true;
      answer.messages.forEach((message) => this.read(message));
      this.listener.status(answer);
      this.listener.connected(true);
      this.failures = Math.min(this.failures, 3);
    } catch (error) {
      if (this.stopped) return false;
      if (error instanceof Refused && error.isGone) {
        this.end();
        return false;
      }
      this.listener.connected(false);
      this.again(); // no socket where not even an ordinary question gets through
      return false;
    }
    this.connect();
    return true;
  }

  private end(): void {
    this.stop();
    this.listener.ended();
  }
}
