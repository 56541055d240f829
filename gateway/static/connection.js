// @ts-check
/** Talks to the gateway: sends by POST, receives by WebSocket, and by asking again where sockets are blocked. */

/** @typedef {import("./render.js").Message} Message */
/** @typedef {{owner: string, adviser: string | null, position: number | null}} Status */
/** @typedef {{id: string, token: string}} Ticket */
/**
 * @typedef {{
 *   message: (message: Message) => void,
 *   status: (status: Status) => void,
 *   typing: () => void,
 *   connected: (connected: boolean) => void,
 *   ended: () => void,
 * }} Listener
 */

const API = "/api/v1/conversations";
/** A turn is bounded by the server; this is for a network that swallows the answer. */
const PATIENCE_MS = 30_000;
const LONGEST_PAUSE_MS = 30_000;
/** While there is no socket, the log is read this often. */
const FIRST_PAUSE_MS = 1_000;

/** What the server says is wrong. `problem` is its problem document. */
export class Refused extends Error {
  /** @param {{title: string, code: string, status: number, detail: string, crisis?: any}} problem */
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/**
 * @param {string} path
 * @param {string} method
 * @param {string | null} token
 * @param {object} [body]
 */
async function call(path, method, token, body) {
  const response = await fetch(API + path, {
    method,
    headers: {
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    },
    body: body ? JSON.stringify(body) : undefined,
    credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer);
  return answer;
}

/** @returns {Promise<Ticket & Status & {messages: Message[]}>} */
export function createConversation() {
  return call("", "POST", null, {});
}

/** @param {Ticket} ticket */
export function deleteConversation(ticket) {
  return call(`/${ticket.id}`, "DELETE", ticket.token);
}

/**
 * @param {Ticket} ticket
 * @param {number} after
 * @returns {Promise<Status & {messages: Message[]}>}
 */
export function readMessages(ticket, after) {
  return call(`/${ticket.id}/messages?after=${after}`, "GET", ticket.token);
}

/**
 * @param {Ticket} ticket
 * @param {{client_message_id: string, text?: string, payload?: string}} said
 * @returns {Promise<Status & {message: Message, replies: Message[]}>}
 */
export function sendMessage(ticket, said) {
  return call(`/${ticket.id}/messages`, "POST", ticket.token, said);
}

/** Receives everything of one conversation, once and in order, for as long as it is open. */
export class Stream {
  /**
   * @param {Ticket} ticket
   * @param {number} after the last sequence number that was read in order
   * @param {Listener} listener
   */
  constructor(ticket, after, listener) {
    this.ticket = ticket;
    this.after = after;
    this.listener = listener;
    this.stopped = false;
    this.failures = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.connect();
  }

  /** Ends it for good. */
  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${API}/${this.ticket.id}/socket`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      // The server sends what came after this number: nothing is missed and nothing comes twice.
      socket.send(JSON.stringify({ type: "hello", token: this.ticket.token, after: this.after }));
    });
    socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      if (this.stopped) return;
      if (event.code === 4401 || event.code === 4404) this.end();
      else this.again();
    });
  }

  /** @param {any} frame */
  take(frame) {
    this.failures = 0;
    this.listener.connected(true);
    if (frame.type === "message") this.read(frame.message);
    if (frame.type === "status") this.listener.status(frame);
    if (frame.type === "typing") this.listener.typing();
  }

  /** @param {Message} message */
  read(message) {
    this.after = Math.max(this.after, message.seq ?? 0);
    this.listener.message(message);
  }

  again() {
    this.failures += 1;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.failures - 1));
    // Spread out, so that a restarted server is not met by everybody at once.
    this.timer = setTimeout(() => this.poll(), pause * (0.5 + Math.random() / 2));
  }

  async poll() {
    try {
      const answer = await readMessages(this.ticket, this.after);
      if (this.stopped) return;
      answer.messages.forEach((message) => this.read(message));
      this.listener.status(answer);
      this.listener.connected(true);
      this.failures = Math.min(this.failures, 3);
    } catch (error) {
      if (this.stopped) return;
      if (error instanceof Refused && [401, 404].includes(error.problem.status)) {
        this.end();
        return;
      }
      this.listener.connected(false);
    }
    this.connect();
  }

  end() {
    this.stop();
    this.listener.ended();
  }
}
