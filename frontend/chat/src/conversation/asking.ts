/** What a running answer asks its person, in words. */
import type { InputDecided, ToolPart } from "@parlor/shared/api/types.ts";
import { type Decided, type Question, questionId } from "@parlor/shared/chat/transcript.ts";

import { titled } from "./tools.ts";

export function questionTitle(question: Question): string {
  if (question.type === "input.requested") return `${question.server || "A tool"} asks you`;
  const name = visible(question.title || titled(question.tool));
  return question.server === "" ? `May “${name}” run?` : `May “${name}” of ${question.server} run?`;
}

/** What was said to a call, which is stored with it, or to a server's form, which is not. */
export type Verdict = NonNullable<ToolPart["decision"]> | InputDecided["action"];

const VERDICTS: Readonly<Record<Verdict, string>> = {
  allow: "Allowed",
  deny: "Not allowed",
  expired: "Nobody answered, so it did not run",
  accept: "Answered",
  decline: "Not answered",
  cancel: "Not answered",
};

export function outcomeWords(verdict: Verdict): string {
  return VERDICTS[verdict];
}

export function isYes(verdict: Verdict): boolean {
  return verdict === "allow" || verdict === "accept";
}

/** What became of the forms of a call. A yes or a no to the call itself is stored with it. */
export function formsOf(
  decided: readonly Decided[],
  part: number,
): readonly { readonly id: string; readonly verdict: Verdict }[] {
  return decided.flatMap(({ question, outcome, part: place }) => {
    const ofCall = outcome === "allow" || outcome === "deny" || outcome === "expired";
    return place !== part || ofCall ? [] : [{ id: questionId(question), verdict: outcome }];
  });
}

/** Letters that are not seen, or turn the others around, say what they are: nobody shall approve
 * something else than what they read. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]|(?![\t\n])\p{Cc}/gu,
    (letter) => `‹U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`,
  );
}

export interface Argument {
  readonly name: string;
  readonly value: string;
}

/** The arguments of a call one by one; null when they are no object, to be shown as they came. */
export function argumentsOf(text: string): readonly Argument[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  return Object.entries(parsed).map(([name, value]) => ({
    name: visible(name),
    value: visible(typeof value === "string" ? value : JSON.stringify(value, null, 2)),
  }));
}

/** Which arguments are too long to be shown whole at once. */
export function isLong(value: string): boolean {
  return value.length > 400 || value.split("\n").length > 8;
}

export function timeLeft(expiresAt: string, now: number): string {
  const left = Math.ceil((Date.parse(expiresAt) - now) / 1000);
  if (left <= 0) return "Time is up";
  if (left < 60) return `${String(left)} s left`;
  return `${String(Math.ceil(left / 60))} min left`;
}
