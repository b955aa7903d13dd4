/** Of keyboards: those on the screen, and those that put words together. */

/** Keeps the screen as high as what the on-screen keyboard leaves of it. Browsers that shrink the
 * page by themselves (`interactive-widget`) are not affected; the others would hide the composer. */
export function stayAboveKeyboard(): () => void {
  const viewport = window.visualViewport;
  if (!viewport) return () => undefined;
  const fit = () => {
    // Zoomed in, the visible part says nothing about a keyboard.
    if (viewport.scale > 1.01) return;
    const covered = window.innerHeight - viewport.height > 100;
    const height = covered ? `${String(Math.round(viewport.height))}px` : "";
    document.documentElement.style.setProperty("--screen", height);
    if (covered) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", fit);
  return () => {
    viewport.removeEventListener("resize", fit);
  };
}

/** Keys that finish a word being put together (Chinese, Japanese, Korean) mean that word alone. Safari
 * tells the last of them by its old number only. */
export function composes(event: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells
  return event.isComposing || event.keyCode === 229;
}
