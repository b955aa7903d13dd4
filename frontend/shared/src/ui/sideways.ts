/** A box that is scrolled sideways says to which sides it goes on (`data-more`: start, end, both; see
 * base.css), as scroll bars do only where they are always seen. `stop`: nothing in it takes the focus,
 * so the keyboard comes to the box itself, while it goes on. */
export function sideways(box: HTMLElement, stop = true): () => void {
  const look = () => {
    const start = box.scrollLeft > 1;
    const end = box.scrollWidth - box.clientWidth - box.scrollLeft > 1;
    box.dataset["more"] = start && end ? "both" : start ? "start" : end ? "end" : "";
    if (stop && (start || end)) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const resized = new ResizeObserver(look);
  resized.observe(box);
  // What stands in it may grow while the box does not.
  if (box.firstElementChild) resized.observe(box.firstElementChild);
  box.addEventListener("scroll", look, { passive: true });
  return () => {
    resized.disconnect();
    box.removeEventListener("scroll", look);
  };
}
