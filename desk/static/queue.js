// @ts-check
/** Keeps the two lists of the queue page up to date. */

import { showAlerts } from "./alerts.js";
import { connect } from "./connection.js";
import { announce, showRows } from "./moulds.js";
import { offerSignals, signal } from "./signals.js";

/** @typedef {{id: string, reference: string, priority: string, tag: string, waits_for_reply: boolean, line: string}} Row */

const page = /** @type {HTMLElement} */ (document.getElementById("queue"));
const title = document.title;

/**
 * Makes a list show `rows`; returns those that are new.
 * @param {"waiting" | "mine" | "lost"} name
 * @param {Row[]} rows
 */
function show(name, rows) {
  const list = /** @type {HTMLElement} */ (document.getElementById(name));
  page.querySelector(`[data-empty="${name}"]`)?.toggleAttribute("hidden", rows.length > 0);
  return showRows(list, name, rows, (element, row) => {
    element.dataset.priority = row.priority;
    element.toggleAttribute("data-waits", row.waits_for_reply);
    for (const tag of element.querySelectorAll(".tag")) tag.toggleAttribute("hidden", !row.tag);
  });
}

offerSignals();

/** The page was made a moment ago from the same lists: what is in it is not news. */
let first = true;

connect(page, () => page.dataset.socket ?? "", (frame) => {
  const fresh = show("waiting", frame.waiting);
  show("mine", frame.mine);
  showAlerts(frame.mine);
  const lost = show("lost", frame.lost);
  document.getElementById("lost-part")?.toggleAttribute("hidden", frame.lost.length === 0);
  for (const [id, words] of [
    ["longest", frame.longest],
    ["hidden-by-filter", frame.hidden],
    ["capacity", frame.capacity],
  ]) {
    const place = document.getElementById(id);
    if (place) place.textContent = words;
  }
  document.title = frame.waiting.length ? `(${frame.waiting.length}) ${title}` : title;
  if (fresh.length && !first) {
    signal(fresh.length === 1 ? "One new chat waits." : `${fresh.length} new chats wait.`);
    announce(fresh.map((row) => `New in the queue: ${row.tag} chat ${row.reference}.`).join(" "));
  }
  if (lost.length && !first) {
    announce(`Your connection was lost. ${lost.map((row) => `Chat ${row.reference} ${row.line}`).join(" ")}`);
  }
  first = false;
});
