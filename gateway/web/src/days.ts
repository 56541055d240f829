/** A line between two days of a chat. */

import { element } from "./element.js";

/** The day of a message in this device's time zone; what has no time yet is of today. */
function dayOf(item: Element | null | undefined): string {
  const at = item instanceof HTMLElement ? item.dataset.at : undefined;
  return (at ? new Date(at) : new Date()).toDateString();
}

/** Puts the day above a message that is the first of a new day; a chat of today alone needs none. */
export function markDay(item: HTMLElement): void {
  let before = item.previousElementSibling;
  if (before?.classList.contains("day")) before = before.previousElementSibling;
  const day = dayOf(item);
  const isNew = before ? dayOf(before) !== day : day !== new Date().toDateString();
  const marked = item.previousElementSibling?.classList.contains("day");
  if (!isNew || marked) return;
  const words = new Date(day).toLocaleDateString("en-GB", {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
  item.before(element("li", { class: "day" }, [words]));
}
