/** Prints the chat and nothing of the page around it, without a new window and without inline styles. */

export function printChat(host: HTMLElement, alone: boolean): void {
  if (!alone) {
    window.print();
    return;
  }
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("@media print { body { display: none !important } }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  // What is on top of a page is not split over sheets of paper.
  const onTop = typeof host.hidePopover === "function" && host.matches(":popover-open");
  if (onTop) host.hidePopover();
  host.toggleAttribute("data-printing", true);
  window.print(); // returns when the person has printed, or not
  host.toggleAttribute("data-printing", false);
  if (onTop) host.showPopover();
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
}
