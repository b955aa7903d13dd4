/** Events of a turn -> the message they make. The same rules live in the backend's
 * `transcript.py`; both are held to `tests/fixtures/turns`. */
import type {
  ApprovalDecided,
  ApprovalRequested,
  InputDecided,
  InputRequested,
  Message,
  MessageStatus,
  Part,
  Problem,
  ToolPart,
  ToolProgress,
  TurnEvent,
  Usage,
} from "../api/types.ts";

/** How far a running tool says it is. */
export type Progress = Pick<ToolProgress, "progress" | "total" | "message">;

/** What the turn waits for: a yes to a call, or something that a server wants to know. */
export type Question = ApprovalRequested | InputRequested;

export type Outcome = ApprovalDecided["decision"] | InputDecided["action"];

/** What became of a question, to be seen beside the call that it was about. */
export interface Decided {
  readonly question: Question;
  readonly outcome: Outcome;
  /** The place of the call among the parts: the id alone may be used again. */
  readonly part: number;
}

export function questionId(question: Question): string {
  return question.type === "approval.requested" ? question.approval_id : question.input_id;
}

export interface Transcript {
  readonly parts: readonly Part[];
  readonly status: MessageStatus;
  readonly usage: Usage | null;
  readonly error: Problem | null;
  readonly notices: readonly Problem[];
  readonly finish_reason: string | null;
  readonly message_id: string | null;
  readonly parent_id: string | null;
  readonly model: string | null;
  /** Seen only while it happens; a stored message has no progress. */
  readonly progress: Readonly<Record<string, Progress>>;
  /** Open ones, oldest first; a stored message has none. */
  readonly questions: readonly Question[];
  readonly decided: readonly Decided[];
}

export const EMPTY_TRANSCRIPT: Transcript = {
  parts: [],
  status: "running",
  usage: null,
  error: null,
  notices: [],
  finish_reason: null,
  message_id: null,
  parent_id: null,
  model: null,
  progress: {},
  questions: [],
  decided: [],
};

/** Where a `continue` goes on: the old text stays, the old ending is taken back. */
export function resumedFrom(message: Message): Transcript {
  return {
    ...EMPTY_TRANSCRIPT,
    parts: message.parts,
    notices: message.notices,
    message_id: message.id,
    parent_id: message.parent_id,
    model: message.model,
  };
}

function appended(parts: readonly Part[], type: "text" | "reasoning", text: string): Part[] {
  const last = parts.at(-1);
  if (last?.type === type) return [...parts.slice(0, -1), { type, text: last.text + text }];
  return [...parts, { type, text }];
}

/** The latest call of that id: some providers count from zero again in every step. */
export function placeOf(parts: readonly Part[], callId: string): number {
  return parts.findLastIndex((part) => part.type === "tool" && part.call_id === callId);
}

function withTool(
  parts: readonly Part[],
  callId: string,
  change: (tool: ToolPart) => ToolPart,
): Part[] {
  const place = placeOf(parts, callId);
  return parts.map((part, index) =>
    index === place && part.type === "tool" ? change(part) : part,
  );
}

function cancelled(part: Part): Part {
  return part.type === "tool" && part.status === "running"
    ? { ...part, status: "cancelled" }
    : part;
}

function answered(transcript: Transcript, id: string, outcome: Outcome): Transcript {
  const question = transcript.questions.find((one) => questionId(one) === id);
  if (!question) return transcript;
  const decided = { question, outcome, part: placeOf(transcript.parts, question.call_id) };
  return {
    ...transcript,
    questions: transcript.questions.filter((one) => one !== question),
    decided: [...transcript.decided, decided],
  };
}

export function reduce(transcript: Transcript, event: TurnEvent): Transcript {
  switch (event.type) {
    case "turn.started":
      return {
        ...transcript,
        message_id: event.message_id,
        parent_id: event.parent_id,
        model: event.model,
      };
    case "text.delta":
      return { ...transcript, parts: appended(transcript.parts, "text", event.text) };
    case "reasoning.delta":
      return { ...transcript, parts: appended(transcript.parts, "reasoning", event.text) };
    case "tool.started": {
      const { call_id, name, arguments: text, step } = event;
      const tool: ToolPart = {
        type: "tool",
        call_id,
        name,
        arguments: text,
        step,
        status: "running",
        result: null,
        duration_ms: null,
        decision: null,
        media: [],
      };
      return { ...transcript, parts: [...transcript.parts, tool] };
    }
    case "tool.progress": {
      const { call_id, progress, total, message } = event;
      return {
        ...transcript,
        progress: { ...transcript.progress, [call_id]: { progress, total, message } },
      };
    }
    case "tool.finished": {
      const { call_id, status, result, duration_ms } = event;
      // Events that an older release has kept say nothing of pictures.
      const media = "media" in event ? event.media : [];
      const parts = withTool(transcript.parts, call_id, (tool) => ({
        ...tool,
        status,
        result,
        duration_ms,
        media,
      }));
      return { ...transcript, parts };
    }
    case "approval.requested":
    case "input.requested":
      return { ...transcript, questions: [...transcript.questions, event] };
    case "approval.decided": {
      const { decision } = event;
      const parts = withTool(transcript.parts, event.call_id, (tool) => ({ ...tool, decision }));
      return answered({ ...transcript, parts }, event.approval_id, decision);
    }
    case "input.decided":
      return answered(transcript, event.input_id, event.action);
    case "usage": {
      const { prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens, cost } = event;
      return {
        ...transcript,
        usage: { prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens, cost },
      };
    }
    case "notice": {
      const { code, detail } = event;
      return { ...transcript, notices: [...transcript.notices, { code, detail }] };
    }
    case "error":
      return { ...transcript, error: { code: event.code, detail: event.detail } };
    case "message.saved":
      return transcript;
    case "turn.finished":
      return {
        ...transcript,
        parts: transcript.parts.map(cancelled),
        status: event.status === "completed" ? "complete" : event.status,
        finish_reason: event.finish_reason,
        progress: {},
        questions: [],
      };
    default:
      // A newer server may say more than this page knows; what it does not know it leaves out.
      event satisfies never;
      return transcript;
  }
}
