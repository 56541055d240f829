// @ts-check
/** Fills the moulds that templates/parts.html left in the page. Whatever people wrote is set as text. */

/**
 * @param {string} name of the mould
 * @returns {HTMLElement}
 */
export function cast(name) {
  const mould = /** @type {HTMLTemplateElement} */ (document.getElementById(`${name}-mould`));
  const copy = /** @type {DocumentFragment} */ (mould.content.cloneNode(true));
  return /** @type {HTMLElement} */ (copy.firstElementChild);
}

/**
 * Sets the text of every element that is marked for a field, where it differs.
 * @param {HTMLElement} element
 * @param {{[field: string]: any}} fields
 */
export function fill(element, fields) {
  for (const slot of element.querySelectorAll("[data-text]")) {
    const text = String(fields[/** @type {HTMLElement} */ (slot).dataset.text ?? ""] ?? "");
    if (slot.textContent !== text) slot.textContent = text;
  }
}

/**
 * Makes the links and forms of a cast element lead to one chat.
 * @param {HTMLElement} element
 * @param {string} id of the chat
 */
export function pointTo(element, id) {
  for (const link of element.querySelectorAll("[data-link]")) replaceIn(link, "href", id);
  for (const form of element.querySelectorAll("form")) replaceIn(form, "action", id);
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @param {string} id
 */
function replaceIn(element, attribute, id) {
  element.setAttribute(attribute, (element.getAttribute(attribute) ?? "").replace("CHAT", encodeURIComponent(id)));
}

/**
 * Says something once to whoever listens with a screen reader.
 * @param {string} words
 */
export function announce(words) {
  const line = document.createElement("p");
  line.textContent = words;
  document.getElementById("announcer")?.replaceChildren(line);
}
