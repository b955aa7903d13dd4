/** Signing in, conversations, models and turns: what the chat needs from its first moment. */
import { Http } from "./http.ts";
import type {
  AgainRequest,
  ApprovalAnswer,
  Conversation,
  ConversationChange,
  ConversationPage,
  Credentials,
  InputAnswer,
  Me,
  ModelList,
  OpenQuestions,
  Registration,
  SetupState,
  SignedInUser,
  StreamRequest,
  Summary,
  Turn,
} from "./types.ts";

export interface ListQuery {
  q?: string;
  cursor?: string;
  archived?: boolean;
  limit?: number;
}

export class Api extends Http {
  /** Whether anybody lives here yet, and which ways lead in. */
  setup(): Promise<SetupState> {
    return this.json("GET", "/api/auth/setup");
  }

  register(registration: Registration): Promise<SignedInUser> {
    return this.json("POST", "/api/auth/register", registration);
  }

  /** For a browser: what comes back is a cookie, never a token. */
  login(credentials: Credentials): Promise<SignedInUser> {
    return this.json("POST", "/api/auth/login", { ...credentials, mode: "session" });
  }

  /** The way in through Cloudflare Access: the proxy has vouched for somebody, or it has not. */
  loginByAccess(): Promise<SignedInUser> {
    return this.json("POST", "/api/auth/access");
  }

  logout(): Promise<void> {
    return this.json("POST", "/api/auth/logout");
  }

  me(): Promise<Me> {
    return this.json("GET", "/api/auth/me");
  }

  conversations(query: ListQuery): Promise<ConversationPage> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
    return this.json("GET", `/api/conversations?${parameters.toString()}`);
  }

  conversation(id: string): Promise<Conversation> {
    return this.json("GET", `/api/conversations/${encodeURIComponent(id)}`);
  }

  changeConversation(id: string, patch: ConversationChange): Promise<Summary> {
    return this.json("PATCH", `/api/conversations/${encodeURIComponent(id)}`, patch);
  }

  deleteConversation(id: string): Promise<void> {
    return this.json("DELETE", `/api/conversations/${encodeURIComponent(id)}`);
  }

  deleteMessage(conversationId: string, messageId: string): Promise<void> {
    const conversation = encodeURIComponent(conversationId);
    const message = encodeURIComponent(messageId);
    return this.json("DELETE", `/api/chat/session/${conversation}/messages/${message}`);
  }

  models(): Promise<ModelList> {
    return this.json("GET", "/api/models");
  }

  turn(id: string): Promise<Turn> {
    return this.json("GET", `/api/chat/turns/${encodeURIComponent(id)}`);
  }

  stop(turnId: string): Promise<Turn> {
    return this.json("POST", `/api/chat/turns/${encodeURIComponent(turnId)}/stop`);
  }

  /** Everything that running answers wait for right now. */
  questions(): Promise<OpenQuestions> {
    return this.json("GET", "/api/chat/questions");
  }

  decide(turnId: string, approvalId: string, answer: ApprovalAnswer): Promise<void> {
    const turn = encodeURIComponent(turnId);
    const approval = encodeURIComponent(approvalId);
    return this.json("POST", `/api/chat/turns/${turn}/approvals/${approval}`, answer);
  }

  respond(turnId: string, inputId: string, answer: InputAnswer): Promise<void> {
    const turn = encodeURIComponent(turnId);
    const input = encodeURIComponent(inputId);
    return this.json("POST", `/api/chat/turns/${turn}/inputs/${input}`, answer);
  }

  send(request: StreamRequest, signal: AbortSignal): Promise<Response> {
    return this.stream("POST", "/api/chat/stream", signal, request);
  }

  regenerate(request: AgainRequest, signal: AbortSignal): Promise<Response> {
    return this.stream("POST", "/api/chat/regenerate", signal, request);
  }

  continue(request: AgainRequest, signal: AbortSignal): Promise<Response> {
    return this.stream("POST", "/api/chat/continue", signal, request);
  }

  /** POST, because some proxies hold back the answer to a GET until it ends. */
  turnEvents(turnId: string, after: number, signal: AbortSignal): Promise<Response> {
    const path = `/api/chat/turns/${encodeURIComponent(turnId)}/events?after=${String(after)}`;
    return this.stream("POST", path, signal);
  }
}
