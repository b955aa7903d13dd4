/** The server's words. Hand-written until the OpenAPI document exists; then re-exports of it. */

export interface User {
  id: string;
  username: string;
  display_name: string;
  role: "owner" | "adult" | "child";
}

export interface Me {
  user: User;
  default_model: string;
  demo: boolean;
  version: string;
}

export interface ProblemNote {
  code: string;
  detail: string;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
  cached_tokens: number;
  cost: number | null;
}

export interface TextPart {
  type: "text";
  text: string;
}

export interface ReasoningPart {
  type: "reasoning";
  text: string;
}

export interface ToolPart {
  type: "tool";
  call_id: string;
  name: string;
  arguments: string;
  step: number;
  status: "running" | "ok" | "error" | "cancelled";
  result: string | null;
  duration_ms: number | null;
}

export type Part = TextPart | ReasoningPart | ToolPart;

export type MessageStatus = "complete" | "running" | "stopped" | "interrupted" | "failed";

export interface Message {
  id: string;
  parent_id: string | null;
  role: "user" | "assistant";
  parts: Part[];
  status: MessageStatus;
  error: ProblemNote | null;
  notices: ProblemNote[];
  model: string | null;
  usage: Usage | null;
  finish_reason: string | null;
  turn_id: string | null;
  created_at: string;
}

export interface Summary {
  id: string;
  title: string;
  title_source: "auto" | "person";
  model: string | null;
  pinned: boolean;
  archived: boolean;
  created_at: string;
  updated_at: string;
  running_turn_id: string | null;
}

export interface Conversation extends Summary {
  system_prompt: string | null;
  leaf_id: string | null;
  messages: Message[];
}

export interface ConversationPage {
  conversations: Summary[];
  next_cursor: string | null;
}

export interface ConversationPatch {
  title?: string;
  model?: string;
  pinned?: boolean;
  archived?: boolean;
  leaf_id?: string;
}

export interface ModelInfo {
  id: string;
  name: string;
  provider: string;
  description: string;
  context_length: number | null;
  max_output_tokens: number | null;
  input_modalities: string[];
  output_modalities: string[];
  supported_parameters: string[];
  supports_tools: boolean;
  prompt_price: number | null;
  completion_price: number | null;
  created: number | null;
  expires: string | null;
}

export interface ModelList {
  data: ModelInfo[];
  default_model: string;
  stale: boolean;
}

export interface Turn {
  id: string;
  conversation_id: string;
  message_id: string;
  kind: "send" | "regenerate" | "continue";
  model: string;
  status: "running" | "completed" | "stopped" | "interrupted" | "failed";
  cost: number | null;
  created_at: string;
  finished_at: string | null;
}

export interface SendRequest {
  conversation_id?: string;
  messages: { role: "user"; content: string; client_message_id?: string }[];
  model?: string;
  timezone?: string;
  parent_id?: string;
  edit_of?: string;
}

export interface RedoRequest {
  conversation_id: string;
  message_id: string;
  model?: string;
  timezone?: string;
}

export type TurnEvent =
  | {
      type: "turn.started";
      turn_id: string;
      conversation_id: string;
      message_id: string;
      parent_id: string | null;
      kind: Turn["kind"];
      model: string;
      created_at: string;
    }
  | { type: "text.delta"; text: string }
  | { type: "reasoning.delta"; text: string }
  | { type: "tool.started"; call_id: string; name: string; arguments: string; step: number }
  | {
      type: "tool.progress";
      call_id: string;
      progress: number;
      total: number | null;
      message: string | null;
    }
  | {
      type: "tool.finished";
      call_id: string;
      status: "ok" | "error" | "cancelled";
      result: string;
      duration_ms: number;
    }
  | ({ type: "usage" } & Usage)
  | { type: "notice"; code: string; detail: string }
  | {
      type: "error";
      code: string;
      detail: string;
      retryable: boolean;
      retry_after: number | null;
    }
  | { type: "message.saved"; message_id: string }
  | {
      type: "turn.finished";
      status: "completed" | "stopped" | "interrupted" | "failed";
      cost: number | null;
      finish_reason: string | null;
    };

export type LiveEvent =
  | { type: "hello"; version: string }
  | { type: "conversation.changed"; conversation: Summary }
  | { type: "conversation.deleted"; conversation_id: string }
  | { type: "messages.changed"; conversation_id: string };
