/** The only door to the server's JSON routes. */
import { ApiError, errorOf, unreachable } from "./errors.ts";
import type {
  AgainRequest,
  Conversation,
  ConversationChange,
  ConversationPage,
  Credentials,
  Me,
  ModelList,
  Registration,
  SetupState,
  SignedInUser,
  StreamRequest,
  Summary,
  Turn,
} from "./types.ts";

type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface ListQuery {
  q?: string;
  cursor?: string;
  archived?: boolean;
  limit?: number;
}

export class Api {
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

  async #json<T>(method: Method, path: string, body?: unknown): Promise<T> {
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

  setupRequired(): Promise<SetupState> {
    return this.#json("GET", "/api/auth/setup");
  }

  register(registration: Registration): Promise<SignedInUser> {
    return this.#json("POST", "/api/auth/register", registration);
  }

  login(credentials: Credentials): Promise<SignedInUser> {
    return this.#json("POST", "/api/auth/login", credentials);
  }

  logout(): Promise<void> {
    return this.#json("POST", "/api/auth/logout");
  }

  me(): Promise<Me> {
    return this.#json("GET", "/api/auth/me");
  }

  conversations(query: ListQuery): Promise<ConversationPage> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
    return this.#json("GET", `/api/conversations?${parameters.toString()}`);
  }

  conversation(id: string): Promise<Conversation> {
    return this.#json("GET", `/api/conversations/${encodeURIComponent(id)}`);
  }

  changeConversation(id: string, patch: ConversationChange): Promise<Summary> {
    return this.#json("PATCH", `/api/conversations/${encodeURIComponent(id)}`, patch);
  }

  deleteConversation(id: string): Promise<void> {
    return this.#json("DELETE", `/api/conversations/${encodeURIComponent(id)}`);
  }

  deleteMessage(conversationId: string, messageId: string): Promise<void> {
    const conversation = encodeURIComponent(conversationId);
    const message = encodeURIComponent(messageId);
    return this.#json("DELETE", `/api/chat/session/${conversation}/messages/${message}`);
  }

  models(): Promise<ModelList> {
    return this.#json("GET", "/api/models");
  }

  turn(id: string): Promise<Turn> {
    return this.#json("GET", `/api/chat/turns/${encodeURIComponent(id)}`);
  }

  stop(turnId: string): Promise<Turn> {
    return this.#json("POST", `/api/chat/turns/${encodeURIComponent(turnId)}/stop`);
  }

  #stream(method: Method, path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    const init: RequestInit = { headers, signal };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    return this.#fetch(method, path, init);
  }

  send(request: StreamRequest, signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", "/api/chat/stream", signal, request);
  }

  regenerate(request: AgainRequest, signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", "/api/chat/regenerate", signal, request);
  }

  continue(request: AgainRequest, signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", "/api/chat/continue", signal, request);
  }

  /** POST, because some proxies hold back the answer to a GET until it ends. */
  turnEvents(turnId: string, after: number, signal: AbortSignal): Promise<Response> {
    const path = `/api/chat/turns/${encodeURIComponent(turnId)}/events?after=${String(after)}`;
    return this.#stream("POST", path, signal);
  }

  events(signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", "/api/events", signal);
  }
}
