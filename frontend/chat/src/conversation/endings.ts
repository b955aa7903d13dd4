/** How an answer ended, when that is worth a word. */
import type { Message } from "@parlor/shared/api/types.ts";

export interface EndingWords {
  readonly words: string;
  readonly grave: boolean;
  readonly canContinue: boolean;
}

/** Limits of a turn; a remark of the answer says which, and how far it came. */
const PAUSES: ReadonlySet<string | null> = new Set([
  "step_limit",
  "tool_error_limit",
  "cost_limit",
]);

export function endingOf(message: Message): EndingWords | null {
  const said = message.parts.some((part) => part.type === "text" && part.text.trim() !== "");
  switch (message.status) {
    case "stopped":
      return { words: "You stopped this answer.", grave: false, canContinue: true };
    case "interrupted":
      return {
        words: "This answer was interrupted. What had arrived is kept.",
        grave: false,
        canContinue: true,
      };
    case "failed": {
      const words = message.error?.detail ?? "The model did not answer.";
      return { words, grave: true, canContinue: said };
    }
    case "complete":
      if (message.finish_reason === "length") {
        return { words: "The answer reached its length limit.", grave: false, canContinue: true };
      }
      if (PAUSES.has(message.finish_reason)) {
        return { words: "This answer has paused.", grave: false, canContinue: true };
      }
      if (message.finish_reason === "content_filter") {
        const words = "The provider's content filter cut this answer short.";
        return { words, grave: false, canContinue: false };
      }
      if (said) return null;
      return { words: "The model said nothing.", grave: false, canContinue: false };
    case "running":
      return null;
  }
}
