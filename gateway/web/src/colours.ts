/**
 * A council's own colours, taken only where people can read them: every pair must have a contrast of at least 4.5:1
 * (WCAG 2.2, 1.4.3). Colours that fail are left out, ours stay, and the element says so in `data-contrast-warning`.
 */

const LEAST = 4.5;

type Rgb = [number, number, number];

/** Ours, in the order: words, paper, accent, words on the accent. tests/gateway/test_widget.py checks the pairs. */
const OURS = { text: "rgb(31, 42, 51)", background: "rgb(255, 255, 255)", accent: "rgb(43, 90, 99)", "accent-text": "rgb(255, 255, 255)" };

type Name = keyof typeof OURS;

/** What has to be readable on what. */
const PAIRS: [Name, Name][] = [
  ["text", "background"],
  ["accent", "background"],
  ["accent-text", "accent"],
];
/** Where links stand as well while background and words are ours: variables of chat.css. */
const GROUNDS = ["paper", "person"];

/** Reads `--helpline-...` of the element, and sets what may be used on the chat's own outermost element. */
export function useColours(host: HTMLElement, outermost: HTMLElement): void {
  const problems: string[] = [];
  const chosen: Record<Name, string> = { ...OURS };
  outermost.removeAttribute("data-own-background"); // ours are read from chat.css
  const named = getComputedStyle(host);
  for (const name of Object.keys(OURS) as Name[]) {
    if (!named.getPropertyValue(`--helpline-${name}`).trim()) continue;
    const colour = computed(outermost, `var(--helpline-${name})`);
    if (rgb(colour)) chosen[name] = colour;
    else problems.push(`--helpline-${name} is no plain colour`);
  }
  const check = (one: Name, other: string, ground: string) => {
    const ratio = contrast(rgb(chosen[one])!, rgb(ground)!);
    if (ratio < LEAST) problems.push(`${one} on ${other} is ${ratio.toFixed(1)}:1, less than ${LEAST}:1`);
  };
  for (const [one, other] of PAIRS) check(one, other, chosen[other]);
  if (!hasOwnPaper(chosen)) {
    for (const ground of GROUNDS.map((name) => computed(outermost, `var(--${name})`))) check("accent", `our ${ground}`, ground);
  }
  const use = problems.length ? OURS : chosen;
  for (const name of Object.keys(OURS) as Name[]) {
    if (use[name] === OURS[name]) outermost.style.removeProperty(`--own-${name}`);
    else outermost.style.setProperty(`--own-${name}`, use[name]);
  }
  outermost.toggleAttribute("data-own-background", hasOwnPaper(use));
  if (problems.length) host.dataset.contrastWarning = problems.join("; ");
  else delete host.dataset.contrastWarning;
}

/** With a background or words of the council's, our grounds in between are not used. */
function hasOwnPaper(colours: Record<Name, string>): boolean {
  return colours.background !== OURS.background || colours.text !== OURS.text;
}

/** A colour as the browser understands it: names, #abc and hsl() become rgb(). */
function computed(outermost: HTMLElement, colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  outermost.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function rgb(colour: string): Rgb | null {
  const found = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : null;
}

/** WCAG's contrast ratio, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
