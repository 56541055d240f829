// @ts-check
/** The page's line to the desk: comes back by itself, and says so while it is away. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** The desk's close code for a session that has ended. */
const SIGNED_OUT = 4401;

/**
 * Calls `heard` with each frame. `address` gives the path to connect to, asked anew at every connection.
 * @param {HTMLElement} page with data-sign-in, the address of the sign-in page
 * @param {() => string} address
 * @param {(frame: any) => void} heard
 */
export function connect(page, address, heard) {
  const line = /** @type {HTMLElement} */ (document.getElementById("connection"));
  let pause = FIRST_PAUSE_MS;

  /** @param {string} words */
  function say(words) {
    line.textContent = words;
    line.hidden = !words;
  }

  /** @type {WebSocket | undefined} */
  let current;

  function open() {
    const url = new URL(address(), location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    current = socket;
    socket.addEventListener("message", (event) => {
      pause = FIRST_PAUSE_MS;
      say("");
      heard(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (event.code === SIGNED_OUT) {
        signedOut();
        return;
      }
      say("The connection is lost, so this page is not up to date. Trying again.");
      setTimeout(returnOrSignIn, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    });
  }

  /** A refused socket does not say why: ask over HTTP whether the session has ended. */
  async function returnOrSignIn() {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", headers: { Accept: "application/json" } });
      if (answer.status === 401) {
        signedOut();
        return;
      }
    } catch {
      // No network: the socket will fail as well, and the pause grows.
    }
    open();
  }

  function signedOut() {
    say("You are signed out. Copy what you have not sent, then ");
    const link = document.createElement("a");
    link.href = page.dataset.signIn ?? "";
    link.textContent = "sign in again";
    line.append(link, ".");
  }

  open();
  return {
    /** Tells the desk that this adviser is writing. Nothing is lost when it does not arrive. */
    typing() {
      if (current?.readyState === WebSocket.OPEN) current.send('{"type":"typing"}');
    },
  };
}
