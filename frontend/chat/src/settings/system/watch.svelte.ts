import { wordsFor } from "@parlor/shared/api/errors.ts";
import type { Http } from "@parlor/shared/api/http.ts";
import { readSystem } from "@parlor/shared/api/system.ts";
import type { System } from "@parlor/shared/api/types.ts";

/** A start has better things to do. */
const SETTLED = 2_000;
const EVERY = 600_000;
const BEAT = 60_000;

/** How this Parlor is, asked now and then on behalf of its owner. */
export class SystemWatch {
  seen = $state.raw<System | null>(null);
  busy = $state(false);
  /** Why the last reading failed. */
  problem = $state("");
  /** How many things need attention. */
  readonly attention: number = $derived(
    this.seen?.checks.filter((check) => check.state === "attention").length ?? 0,
  );
  readonly #http: Http;
  #asked = 0;

  constructor(http: Http) {
    this.#http = http;
  }

  /** What was read before stays when a later reading fails. */
  async read(): Promise<void> {
    this.#asked = Date.now();
    this.busy = true;
    try {
      this.seen = await readSystem(this.#http);
      this.problem = "";
    } catch (problem) {
      this.problem = wordsFor(problem);
    } finally {
      this.busy = false;
    }
  }

  /** Asks soon and again every ten minutes, while somebody looks who `may` know. */
  watch(may: () => boolean): () => void {
    const ask = () => {
      const due = Date.now() - this.#asked >= EVERY;
      if (due && document.visibilityState === "visible" && may()) void this.read();
    };
    const first = setTimeout(ask, SETTLED);
    const timer = setInterval(ask, BEAT);
    document.addEventListener("visibilitychange", ask);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
      this.seen = null;
      this.problem = "";
      this.#asked = 0;
    };
  }
}
