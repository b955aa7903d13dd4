/** Events made into the messages the server is going to store, to be shown until it has been asked. */
import type { Message, TurnStarted } from "@parlor/shared/api/types.ts";

import type { LiveAnswer } from "./answer.svelte.ts";
import type { Outgoing } from "./shown.ts";

export function sentMessage(outgoing: Outgoing, event: TurnStarted): Message {
  return {
    id: event.parent_id ?? "",
    parent_id: outgoing.parentId,
    role: "user",
    parts: [
      { type: "text", text: outgoing.text },
      ...outgoing.resources.map((resource) => ({ type: "resource" as const, ...resource })),
    ],
    status: "complete",
    error: null,
    notices: [],
    model: null,
    usage: null,
    finish_reason: null,
    turn_id: null,
    created_at: event.created_at,
  };
}

/** Null when the turn never began. */
export function answerMessage(live: LiveAnswer, known: readonly Message[]): Message | null {
  const { started, transcript } = live;
  if (!started) return null;
  const before = known.find((message) => message.id === started.message_id);
  const { parts, status, error, notices, model, usage, finish_reason } = transcript;
  return {
    id: started.message_id,
    parent_id: started.parent_id,
    role: "assistant",
    parts: [...parts],
    status,
    error,
    notices: [...notices],
    model,
    usage,
    finish_reason,
    turn_id: started.turn_id,
    created_at: before?.created_at ?? started.created_at,
  };
}
