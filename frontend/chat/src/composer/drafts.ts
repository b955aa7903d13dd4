/** What was typed and not sent, kept per conversation through reload and crash, with what was going
 * to be sent along. */
import type { Attached, Written } from "../conversation/shown.ts";

/** As many as the server takes with one message. */
export const MOST = 8;

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

/** What the server has is no draft any more; what was written or added since then is. */
export function forgetSent(conversationId: string | null, { text, resources }: Written): void {
  if (draftFor(conversationId) === text) keepDraft(conversationId, "");
  const kept = JSON.stringify(attachedFor(conversationId));
  if (kept === JSON.stringify(resources)) keepAttached(conversationId, []);
}

/** What comes back to the field, before what has been added there meanwhile. */
export function together(
  returned: readonly Attached[],
  added: readonly Attached[],
): readonly Attached[] {
  const keys = new Set(returned.map(({ server_id, uri }) => `${server_id}\n${uri}`));
  const others = added.filter(({ server_id, uri }) => !keys.has(`${server_id}\n${uri}`));
  return [...returned, ...others].slice(0, MOST);
}

export function without(
  attached: readonly Attached[],
  { server_id, uri }: Attached,
): readonly Attached[] {
  return attached.filter((one) => one.server_id !== server_id || one.uri !== uri);
}

/** The next person at this screen shall not find them. */
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  }
}
