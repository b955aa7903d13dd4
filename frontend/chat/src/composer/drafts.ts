/** What was typed and not sent, kept per conversation through reload and crash, with what was going
 * to be sent along. */
import type { Attached } from "../conversation/shown.ts";

const PREFIX = "parlor.draft.";
/** No conversation's id has a dot. */
const ALONG = "along.";
const LONGEST = 200_000;

function keep(key: string, value: string): void {
  try {
    if (value === "") localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Storage is full or shut off: it is still on the screen.
  }
}

export function draftFor(conversationId: string | null): string {
  return localStorage.getItem(PREFIX + (conversationId ?? "new")) ?? "";
}

export function keepDraft(conversationId: string | null, text: string): void {
  keep(conversationId ?? "new", text.slice(0, LONGEST));
}

export function attachedFor(conversationId: string | null): readonly Attached[] {
  try {
    const kept = localStorage.getItem(PREFIX + ALONG + (conversationId ?? "new")) ?? "[]";
    return JSON.parse(kept) as Attached[];
  } catch {
    return [];
  }
}

export function keepAttached(conversationId: string | null, attached: readonly Attached[]): void {
  keep(ALONG + (conversationId ?? "new"), attached.length > 0 ? JSON.stringify(attached) : "");
}

/** The next person at this screen shall not find them. */
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  }
}
