/** Says when a message comes near the part of a long conversation that is on the screen. */

const MARGIN = "1200px 0px";

export class Nearness {
  #observer: IntersectionObserver | null = null;
  readonly #waiting = new Map<Element, () => void>();

  readonly root = (root: HTMLElement) => {
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) this.#near(entry.target);
        }
      },
      { root, rootMargin: MARGIN },
    );
    for (const element of this.#waiting.keys()) this.#observer.observe(element);
    return () => {
      this.#observer?.disconnect();
    };
  };

  /** Calls back once. Returns how to stop waiting. */
  watch(element: Element, onnear: () => void): () => void {
    this.#waiting.set(element, onnear);
    this.#observer?.observe(element);
    return () => {
      this.#waiting.delete(element);
      this.#observer?.unobserve(element);
    };
  }

  #near(element: Element): void {
    const onnear = this.#waiting.get(element);
    this.#waiting.delete(element);
    this.#observer?.unobserve(element);
    onnear?.();
  }
}
