/** One request to the server, and what its answer means. Every api here is made of these. */
import { ApiError, errorOf, unreachable } from "./errors.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export class Http {
  readonly #base: string;
  /** Called whenever the server says that nobody is signed in. */
  onSignedOut: () => void = () => undefined;

  constructor(base = "") {
    this.#base = base;
  }

  async #fetch(method: Method, path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#base + path, { method, credentials: "same-origin", ...init });
    } catch (problem) {
      if (init.signal?.aborted) throw problem;
      throw unreachable();
    }
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.code === "not_signed_in") this.onSignedOut();
    throw error;
  }

  async json<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const init: RequestInit =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await this.#fetch(method, path, init);
    if (response.status === 204) return undefined as T;
    try {
      return (await response.json()) as T;
    } catch {
      throw new ApiError(response.status, "unexpected_answer", "The server’s answer was cut off.");
    }
  }

  stream(method: Method, path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    const init: RequestInit = { headers, signal };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    return this.#fetch(method, path, init);
  }

  /** POST, because some proxies hold back the answer to a GET until it ends. */
  events(signal: AbortSignal): Promise<Response> {
    return this.stream("POST", "/api/events", signal);
  }
}
