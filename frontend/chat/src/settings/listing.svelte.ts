import { wordsFor } from "@parlor/shared/api/errors.ts";

/** A list that the server keeps: read when it is shown and after each change. */
export class Listing<T> {
  items = $state.raw<readonly T[]>([]);
  phase = $state<"loading" | "ready" | "failed">("loading");
  problem = $state("");
  readonly #read: () => Promise<{ items: readonly T[] }>;
  #asked = 0;

  constructor(read: () => Promise<{ items: readonly T[] }>) {
    this.#read = read;
  }

  /** Answers to older questions are dropped; what is shown stays when a later reading fails. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const { items } = await this.#read();
      if (asked !== this.#asked) return;
      this.items = items;
      this.phase = "ready";
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.problem = wordsFor(problem);
      if (this.phase !== "ready") this.phase = "failed";
    }
  }

  async after(change: Promise<unknown>): Promise<void> {
    try {
      await change;
    } finally {
      await this.load();
    }
  }
}
