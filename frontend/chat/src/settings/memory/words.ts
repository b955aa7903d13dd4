/** What Parlor remembers, in words. */
import type { Memory, ToolBody, ToolPolicyChoice } from "@parlor/shared/api/types.ts";
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

export interface Way {
  readonly value: ToolPolicyChoice | "";
  readonly label: string;
}

/** May it remember by itself? "" is as usual, which is one of the three. */
export function rememberWays({ choice, policy }: Pick<ToolBody, "choice" | "policy">): {
  readonly value: Way["value"];
  readonly ways: readonly Way[];
} {
  const usual = choice === null ? policy : "ask";
  const ways: readonly Way[] = [
    { value: usual === "ask" ? "" : "ask", label: "Ask me each time" },
    { value: usual === "allow" ? "" : "allow", label: "Without asking" },
    { value: "deny", label: "Never" },
  ];
  const value = ways.some((way) => way.value === choice) ? (choice ?? "") : "";
  return { value, ways };
}
