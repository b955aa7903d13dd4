/** Keeps one connection to `/api/events` and says when everything must be read afresh. */
import { Backoff } from "./backoff.ts";
import { ApiError } from "./errors.ts";
import { framesOf } from "./sse.ts";
import type { LiveEvent } from "./types.ts";

export interface LiveOptions {
  open: (signal: AbortSignal) => Promise<Response>;
  onEvent: (event: LiveEvent) => void;
  /** The connection stands. There is no replay: `again` means that changes may have been missed. */
  onConnected: (again: boolean) => void;
  onLost: () => void;
  silence?: number;
  backoff?: Backoff;
}

const SILENCE = 35_000;

export class LiveConnection {
  readonly #options: LiveOptions;
  readonly #backoff: Backoff;
  #abort: AbortController | null = null;
  #connectedBefore = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  start(): void {
    if (this.#abort) return;
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  wake(): void {
    this.#backoff.wake();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#connection(signal);
      } catch (problem) {
        // Signed out: whoever handles that starts us again.
        if (problem instanceof ApiError && problem.status === 401) {
          this.#abort = null;
          return;
        }
      }
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#options.onLost();
    await this.#backoff.wait(signal);
  }

  async #connection(signal: AbortSignal): Promise<void> {
    const response = await this.#options.open(signal);
    this.#options.onConnected(this.#connectedBefore);
    this.#connectedBefore = true;
    for await (const frame of framesOf(response, this.#options.silence ?? SILENCE)) {
      this.#backoff.reset();
      this.#options.onEvent(JSON.parse(frame.data) as LiveEvent);
    }
  }
}
