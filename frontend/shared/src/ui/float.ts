/** Puts a popover beside its button and keeps it on the screen. */

const GAP = 6;
const EDGE = 8;

export function placeBeside(panel: HTMLElement, anchor: HTMLElement, align: "start" | "end"): void {
  const button = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const wanted = align === "start" ? button.left : button.right - width;
  const left = Math.max(EDGE, Math.min(wanted, window.innerWidth - width - EDGE));
  const below = button.bottom + GAP;
  const above = button.top - GAP - height;
  const fitsBelow = below + height <= window.innerHeight - EDGE;
  const top =
    fitsBelow || above < EDGE ? Math.min(below, window.innerHeight - height - EDGE) : above;
  panel.style.left = `${String(left)}px`;
  panel.style.top = `${String(Math.max(EDGE, top))}px`;
}
