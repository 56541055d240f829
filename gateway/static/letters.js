// @ts-check
/** Letters in place: shown under their form instead of on a page of their own. Nothing is kept. */

import { element } from "./render.js";

const COPY = "Copy the letter";
const FAILED = "The letter could not be made just now. Your words are still here. Please try again.";

/**
 * @param {HTMLElement} messages where letter forms may stand, now and later
 * @param {(words: string) => void} announce
 */
export function takeOverLetters(messages, announce) {
  messages.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.classList.contains("letter")) return;
    const pressed = event.submitter;
    if (!(pressed instanceof HTMLButtonElement)) return;
    if (pressed.value !== "page") {
      form.removeAttribute("target"); // a download needs no new tab
      return;
    }
    event.preventDefault();
    void show(form, announce);
  });
}

/** @param {HTMLFormElement} form @param {(words: string) => void} announce */
async function show(form, announce) {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") data.append(name, value);
  data.set("format", "text");
  const { shown, text, state } = placeAfter(form);
  try {
    const response = await fetch(form.action, { method: "POST", body: data, cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    text.value = await response.text();
    text.rows = Math.min(30, text.value.split("\n").length + 4);
    state.textContent = response.headers.get("Letter-Note") ?? "";
    if (state.textContent) announce(state.textContent);
    shown?.removeAttribute("hidden");
    text.focus();
  } catch {
    state.textContent = FAILED;
    announce(FAILED);
  }
}

/**
 * Where the letter is shown, made once for each form.
 * @param {HTMLFormElement} form
 */
function placeAfter(form) {
  const made = form.parentElement?.querySelector(".letter__result") ?? makePlace(form);
  const [state, text, copy] = [".letter__state", "textarea", "button"].map((one) => made.querySelector(one));
  if (!(text instanceof HTMLTextAreaElement) || !state || !copy) throw new Error("the letter's place is missing");
  copy.textContent = COPY;
  return { text, state, shown: made.querySelector(".letter__shown") };
}

/** @param {HTMLFormElement} form */
function makePlace(form) {
  const id = `${form.querySelector("[id]")?.id ?? "letter"}-result`;
  const text = /** @type {HTMLTextAreaElement} */ (element("textarea", { id, class: "letter__text", readonly: "" }));
  const copy = element("button", { type: "button" }, [COPY]);
  copy.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Now press Ctrl and C to copy"; // no clipboard without https
    }
  });
  const shown = element("div", { class: "letter__shown", hidden: "" }, [
    element("label", { for: id }, ["Your letter"]),
    text,
    copy,
  ]);
  const made = element("div", { class: "letter__result" }, [element("p", { class: "letter__state" }), shown]);
  form.after(made);
  return made;
}
