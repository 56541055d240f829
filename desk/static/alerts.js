// @ts-check
/** The red bar that shows safety alerts in the adviser's chats, wherever they are on the desk. */

import { showRows } from "./moulds.js";
import { signal } from "./signals.js";

/** @typedef {{id: string, reference: string, unseen_alert: boolean}} Chat */

const list = /** @type {HTMLElement} */ (document.getElementById("elsewhere"));
const bar = /** @type {HTMLElement} */ (list.closest(".alert"));

// The bar is pinned: desk.css keeps what gets the focus from ending up under it.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--desk-alert", `${bar.offsetHeight}px`);
}).observe(bar);

/**
 * Shows which of these chats have an alert that nobody has seen, and tells of it once.
 * @param {Chat[]} chats
 */
export function showAlerts(chats) {
  const standing = [...list.children].map((child) => /** @type {HTMLElement} */ (child).dataset.id);
  /** @param {Chat} chat */
  const place = (chat) => (standing.includes(chat.id) ? standing.indexOf(chat.id) : standing.length);
  // What stands in the bar keeps its place: a screen reader would read it again where it is moved to.
  const alerts = chats.filter((chat) => chat.unseen_alert).sort((one, other) => place(one) - place(other));
  if (showRows(list, "elsewhere", alerts).length) signal("There is a safety alert.");
}
