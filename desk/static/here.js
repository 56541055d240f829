// @ts-check
/**
 * On pages without a live part of their own: keeps the adviser present, so that their chats are not put back in the
 * queue, and shows safety alerts in their chats wherever they are on the desk.
 */

import { connect } from "./connection.js";
import { cast, fill, pointTo } from "./moulds.js";
import { signal } from "./signals.js";

const here = /** @type {HTMLElement} */ (document.getElementById("here"));
const list = /** @type {HTMLElement} */ (document.getElementById("elsewhere"));

connect(here, () => here.dataset.socket ?? "", (frame) => {
  const alerts = frame.mine.filter((/** @type {{unseen_alert: boolean}} */ row) => row.unseen_alert);
  if (alerts.length > list.children.length) signal("There is a safety alert.");
  list.replaceChildren(
    ...alerts.map((/** @type {{id: string, reference: string}} */ chat) => {
      const element = cast("elsewhere");
      pointTo(element, chat.id);
      fill(element, chat);
      return element;
    }),
  );
});
