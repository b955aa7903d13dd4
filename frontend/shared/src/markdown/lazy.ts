/** Parts that the first screen does not need, each fetched once and asked for again after a failure. */
import type { Run } from "../chat/highlight.ts";

class Lazy<T> {
  readonly #load: () => Promise<T>;
  #loading: Promise<T | null> | null = null;
  #loaded: T | null = null;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  now(): T | null {
    return this.#loaded;
  }

  /** Null when it could not be fetched; the next to ask tries again. */
  later(): Promise<T | null> {
    this.#loading ??= this.#load().then(
      (loaded) => (this.#loaded = loaded),
      () => {
        this.#loading = null;
        return null;
      },
    );
    return this.#loading;
  }
}

export const markdownFor = new Lazy(async () => (await import("./Markdown.svelte")).default);

export const coloursFor = new Lazy<(code: string, language: string) => Run[] | null>(
  async () => (await import("../chat/highlight.ts")).highlight,
);

export const mathsFor = new Lazy(async () => (await import("temml")).default);
