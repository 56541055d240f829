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
 * Makes a list show `rows`, each by an element that is cast from `mould`. The elements that are there stay, so that
 * focus stays where it is and nothing is read out again. Returns the rows that are new.
 * @template {{id: string}} Row
 * @param {HTMLElement} list
 * @param {string} mould
 * @param {Row[]} rows
 * @param {(element: HTMLElement, row: Row) => void} [mark] sets what is no text
 */
export function showRows(list, mould, rows, mark) {
  const wanted = new Set(rows.map((row) => row.id));
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  const focused = document.activeElement;
  for (const child of /** @type {HTMLElement[]} */ ([...list.children])) {
    const id = child.dataset.id ?? "";
    if (wanted.has(id)) known.set(id, child);
    else child.remove();
  }
  rows.forEach((row, position) => {
    const element = known.get(row.id) ?? cast(mould);
    if (!known.has(row.id)) {
      element.dataset.id = row.id;
      pointTo(element, row.id);
    }
    fill(element, row);
    mark?.(element, row);
    if (list.children[position] !== element) list.insertBefore(element, list.children[position] ?? null);
  });
  // Moving an element takes its focus away.
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) {
    focused.focus({ preventScroll: true });
  }
  return rows.filter((row) => !known.has(row.id));
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
