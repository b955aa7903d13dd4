/** What Parlor remembers, in words. */
import type { Memory, ToolPolicyChoice } from "@parlor/shared/api/types.ts";
import { agoWords } from "@parlor/shared/words/times.ts";

/** Parlor's own tools that add to the memory and read it. */
export const REMEMBER = "remember";
export const RECALL = "recall";

export function memoryNote(memory: Memory, now: number): string {
  const when = agoWords(memory.created_at, now);
  return memory.conversation_id === null
    ? `You added it ${when}.`
    : `From a conversation, ${when}.`;
}

/** May it remember by itself? */
export const REMEMBER_WAYS: readonly {
  readonly value: ToolPolicyChoice;
  readonly label: string;
}[] = [
  { value: "ask", label: "Ask me each time" },
  { value: "allow", label: "Without asking" },
  { value: "deny", label: "Never" },
];
