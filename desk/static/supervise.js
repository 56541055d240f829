// @ts-check
/** Keeps the tables of who is on and of the live chats up to date, but never under a supervisor's hands. */

const EVERY_MS = 5000;

const tables = /** @type {HTMLElement} */ (document.getElementById("now"));

/** Somebody is in a table, or has chosen something there that was not sent. */
function inUse() {
  if (tables.contains(document.activeElement)) return true;
  const chosen = [...tables.querySelectorAll("option")].some((option) => option.selected !== option.defaultSelected && option.index > 0);
  const typed = [...tables.querySelectorAll("input")].some((input) => input.value !== input.defaultValue);
  return chosen || typed;
}

async function refresh() {
  if (document.hidden || inUse()) return;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return; // signed out: the page's connection tells of that
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("now");
    if (fresh && fresh.innerHTML !== tables.innerHTML && !inUse()) tables.replaceChildren(...fresh.childNodes);
  } catch {
    // Not up to date: the page's connection says so, and the next look may get through.
  }
}

setInterval(refresh, EVERY_MS);
