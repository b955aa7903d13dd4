/** Whether this screen can reach the server, and whom to wake when it can again. */

const PATIENCE = 2500;

export class Connection {
  /** The device says that it has a network. */
  online = $state(navigator.onLine);
  /** The server has not answered for a while. */
  lost = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #sleepers = new Set<() => void>();

  readonly ok = $derived(this.online && !this.lost);

  constructor() {
    addEventListener("online", () => {
      this.online = true;
      this.#wakeAll();
    });
    addEventListener("offline", () => {
      this.online = false;
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#wakeAll();
    });
  }

  /** Calls back when it is worth trying again at once. Returns how to leave. */
  onWake(wake: () => void): () => void {
    this.#sleepers.add(wake);
    return () => {
      this.#sleepers.delete(wake);
    };
  }

  /** A short break is nobody's business; only one that lasts is shown. */
  breaks(): void {
    this.#timer ??= setTimeout(() => {
      this.lost = true;
    }, PATIENCE);
  }

  stands(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.lost = false;
  }

  #wakeAll(): void {
    for (const wake of this.#sleepers) wake();
  }
}
