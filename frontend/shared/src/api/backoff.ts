/** How long to wait before asking again: 0.5, 1, 2, 4, 8, 8, ... seconds, cut short by `wake`. */

export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #next: number;
  #wakeUp: (() => void) | null = null;

  constructor(first = 500, longest = 8000) {
    this.#first = first;
    this.#longest = longest;
    this.#next = first;
  }

  reset(): void {
    this.#next = this.#first;
  }

  /** The network came back, or the person looks at the page again: do not wait any longer. */
  wake(): void {
    this.#wakeUp?.();
  }

  async wait(signal: AbortSignal, atLeast = 0): Promise<void> {
    const delay = Math.max(this.#next, atLeast);
    this.#next = Math.min(this.#next * 2, this.#longest);
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wakeUp = null;
        resolve();
      };
      const timer = setTimeout(done, delay);
      signal.addEventListener("abort", done);
      this.#wakeUp = done;
    });
  }
}
