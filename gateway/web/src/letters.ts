/** Letters in place: shown under their form, or downloaded, instead of on a page of their own. Nothing is kept. */

import { button, element } from "./element.js";
import { download } from "./transcript.js";

const COPY = "Copy the letter";
const FAILED = "The letter could not be made just now. Your words are still here. Please try again.";
const WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/** @param messages where letter forms may stand, now and later */
export function takeOverLetters(messages: HTMLElement, announce: (words: string) => void): void {
  messages.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.classList.contains("letter")) return;
    if (!(event.submitter instanceof HTMLButtonElement)) return;
    event.preventDefault();
    void make(form, event.submitter.value, announce);
  });
}

async function make(form: HTMLFormElement, format: string, announce: (words: string) => void): Promise<void> {
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") data.append(name, value);
  data.set("format", format === "docx" ? "docx" : "text");
  const place = placeAfter(form);
  try {
    const response = await fetch(form.action, { method: "POST", body: data, cache: "no-store", credentials: "omit" });
    if (!response.ok) throw new Error(String(response.status));
    if (format === "docx") {
      download(new Blob([await response.blob()], { type: WORD }), `${form.action.split("/").at(-1)}.docx`);
      place.state.textContent = "Your letter is in your downloads. We do not keep it.";
      announce(place.state.textContent);
      return;
    }
    place.text.value = await response.text();
    place.text.rows = Math.min(30, place.text.value.split("\n").length + 4);
    place.state.textContent = response.headers.get("Letter-Note") ?? "";
    if (place.state.textContent) announce(place.state.textContent);
    place.shown.hidden = false;
    place.text.focus(); // the person asked to see it
  } catch {
    place.state.textContent = FAILED;
    announce(FAILED);
  }
}

interface Place {
  state: HTMLElement;
  shown: HTMLElement;
  text: HTMLTextAreaElement;
}

const places = new WeakMap<HTMLFormElement, Place>();

/** Where the letter is shown, made once for each form. */
function placeAfter(form: HTMLFormElement): Place {
  const known = places.get(form);
  if (known) return known;
  const id = `${form.querySelector("[id]")?.id ?? "letter"}-result`;
  const text = element("textarea", { id, class: "letter__text", readonly: "" });
  const copy = button(COPY);
  copy.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Now press Ctrl and C to copy"; // no clipboard without https
    }
  });
  const state = element("p", { class: "letter__state" });
  const shown = element("div", { class: "letter__shown", hidden: "" }, [
    element("label", { for: id }, ["Your letter"]),
    text,
    copy,
  ]);
  form.after(element("div", { class: "letter__result" }, [state, shown]));
  const place = { state, shown, text };
  places.set(form, place);
  return place;
}
