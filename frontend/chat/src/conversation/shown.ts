/** What the message list draws: stored messages, what is on its way out, what is being written. */
import type { Message, ResourcePart } from "@parlor/shared/api/types.ts";

import type { LiveAnswer } from "./answer.svelte.ts";

/** Taken from a tool server, to go along with a message. */
export type Attached = Omit<ResourcePart, "type">;

/** What a person wrote, and what they put beside it. */
export interface Written {
  readonly text: string;
  readonly resources: readonly Attached[];
}

export interface Outgoing extends Written {
  readonly clientId: string;
  readonly parentId: string | null;
  readonly editOf: string | null;
  /** Why it could not be sent; null while it is under way. */
  readonly problem: string | null;
}

/** Where an answer hangs that is being written. */
export interface Place {
  readonly id: string;
  readonly parentId: string | null;
}

export interface Shown {
  readonly id: string;
  readonly parent_id: string | null;
  readonly role: "user" | "assistant";
  readonly created_at: string;
  readonly message: Message | null;
  readonly live: LiveAnswer | null;
  readonly outgoing: Outgoing | null;
}

/** Stands for the answer until its turn says what it is called. */
export const PENDING_ID = "pending";
export const OUTGOING_ID = "outgoing";

export function stored(message: Message): Shown {
  const { id, parent_id, role, created_at } = message;
  return { id, parent_id, role, created_at, message, live: null, outgoing: null };
}

export function leaving(outgoing: Outgoing): Shown {
  const base = { message: null, live: null, outgoing, created_at: "" };
  return { ...base, id: OUTGOING_ID, parent_id: outgoing.parentId, role: "user" };
}

export function textOf(message: Message): string {
  const texts = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return texts.join("\n\n");
}

/** What went along with a person's words. */
export function resourcesOf(message: Message): readonly Attached[] {
  return message.parts.flatMap((part) => {
    if (part.type !== "resource") return [];
    const { type: _, ...resource } = part;
    return [resource];
  });
}

/** Keeps the objects that did not change, so that nothing is drawn again for them. */
export function reconciled(before: readonly Message[], now: readonly Message[]): Message[] {
  const known = new Map(before.map((message) => [message.id, message]));
  return now.map((message) => {
    const old = known.get(message.id);
    return old && JSON.stringify(old) === JSON.stringify(message) ? old : message;
  });
}
