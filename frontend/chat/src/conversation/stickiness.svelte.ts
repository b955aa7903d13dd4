/** Keeps the latest words in sight for as long as the reader does not scroll away from them. */

const AT_END = 8;
const AWAY = 160;

export class Stickiness {
  /** So far from the end that a way back is worth showing. */
  away = $state(false);
  #stuck = true;
  #element: HTMLElement | null = null;
  #lastTop = 0;
  #lastHeight = 0;

  readonly scroller = (element: HTMLElement) => {
    this.#element = element;
    this.#toEnd();
    const onscroll = () => {
      this.#scrolled(element);
    };
    const resized = new ResizeObserver(() => {
      if (this.#stuck) this.#toEnd();
    });
    resized.observe(element);
    element.addEventListener("scroll", onscroll, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", onscroll);
      this.#element = null;
    };
  };

  readonly content = (element: HTMLElement) => {
    const grown = new ResizeObserver(() => {
      if (this.#stuck) this.#toEnd();
      else if (this.#element) this.#measure(this.#element);
    });
    grown.observe(element);
    return () => {
      grown.disconnect();
    };
  };

  jump(): void {
    this.#stuck = true;
    this.away = false;
    this.#toEnd();
  }

  #toEnd(): void {
    if (this.#element) this.#element.scrollTop = this.#element.scrollHeight;
  }

  /** Only a move towards the beginning that is not the text growing or shrinking is the reader's. */
  #scrolled(element: HTMLElement): void {
    const up = element.scrollTop < this.#lastTop - 1;
    const sameHeight = element.scrollHeight === this.#lastHeight;
    const distance = this.#measure(element);
    if (distance <= AT_END) this.#stuck = true;
    else if (up && sameHeight) this.#stuck = false;
    this.#lastTop = element.scrollTop;
    this.#lastHeight = element.scrollHeight;
  }

  #measure(element: HTMLElement): number {
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    this.away = distance > AWAY && !this.#stuck;
    return distance;
  }
}
