// @ts-check
/** A sound and a desktop notification, each only when the adviser has asked for it on this device. */

const SOUND = "desk-sound";
const DESKTOP = "desk-notification";

/** @param {string} name */
const isOn = (name) => localStorage.getItem(name) === "on";

/** @type {AudioContext | undefined} */
let audio;

/** Two short tones, quiet; only after the page was touched once, as browsers ask. */
function play() {
  audio ??= new AudioContext();
  for (const [start, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.08;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + 0.14);
  }
}

/**
 * Tells of something new. The words hold nothing that was said in a chat: screens are shared.
 * @param {string} words
 */
export function signal(words) {
  if (isOn(SOUND)) play();
  if (isOn(DESKTOP) && document.hidden && Notification.permission === "granted") {
    new Notification("Advisers' desk", { body: words, tag: "desk" });
  }
}

/** Shows the two choices of the queue page and keeps them on this device. */
export function offerSignals() {
  const box = document.getElementById("signals");
  const sound = /** @type {HTMLInputElement} */ (document.getElementById("sound"));
  const desktop = /** @type {HTMLInputElement} */ (document.getElementById("desktop"));
  const state = /** @type {HTMLElement} */ (document.getElementById("signals-state"));
  if (!box) return;
  box.hidden = false;
  sound.checked = isOn(SOUND);
  desktop.checked = isOn(DESKTOP);
  sound.addEventListener("change", () => {
    localStorage.setItem(SOUND, sound.checked ? "on" : "off");
    if (sound.checked) play();
  });
  desktop.addEventListener("change", async () => {
    const allowed = !desktop.checked || ("Notification" in window && (await Notification.requestPermission()) === "granted");
    state.textContent = allowed ? "" : "This browser does not allow notifications for the desk.";
    desktop.checked = desktop.checked && allowed;
    localStorage.setItem(DESKTOP, desktop.checked ? "on" : "off");
  });
}
