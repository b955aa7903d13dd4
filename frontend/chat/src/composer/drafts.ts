/** What was typed and not sent, kept per conversation through reload and crash. */

const PREFIX = "parlor.draft.";
const LONGEST = 200_000;

export function draftFor(conversationId: string | null): string {
  return localStorage.getItem(PREFIX + (conversationId ?? "new")) ?? "";
}

export function keepDraft(conversationId: string | null, text: string): void {
  const key = PREFIX + (conversationId ?? "new");
  try {
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text.slice(0, LONGEST));
  } catch {
    // Storage is full or shut off: the text is still in the field.
  }
}

/** The next person at this screen shall not find them. */
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  }
}
