// @ts-check
/**
 * On pages without a live part of their own: keeps the adviser present, so that their chats are not put back in the
 * queue, and shows safety alerts in their chats wherever they are on the desk.
 */

import { showAlerts } from "./alerts.js";
import { connect } from "./connection.js";

const here = /** @type {HTMLElement} */ (document.getElementById("here"));

connect(here, () => here.dataset.socket ?? "", (frame) => showAlerts(frame.mine));
