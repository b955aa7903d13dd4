/** Seconds that are left, counted down once a second. */
export class Countdown {
  left = $state(0);
  #end = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  readonly runs = $derived(this.left > 0);

  start(seconds: number): void {
    this.stop();
    this.#end = Date.now() + seconds * 1000;
    this.#timer = setInterval(() => {
      this.#count();
    }, 1000);
    this.#count();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.left = 0;
  }

  /** By the clock, not by ticks: a sleeping page gets none. */
  #count(): void {
    this.left = Math.max(0, Math.ceil((this.#end - Date.now()) / 1000));
    if (this.left === 0) clearInterval(this.#timer);
  }
}
