/** What Parlor remembers about a person from one conversation to the next. */
import type { Http } from "./http.ts";
import type { Memory, MemoryList } from "./types.ts";

export class MemoriesApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  all(): Promise<MemoryList> {
    return this.#http.json("GET", "/api/memories");
  }

  add(text: string): Promise<Memory> {
    return this.#http.json("POST", "/api/memories", { text });
  }

  forget(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/memories/${encodeURIComponent(id)}`);
  }

  forgetAll(): Promise<void> {
    return this.#http.json("DELETE", "/api/memories");
  }
}
