/** What is said with a tool server, in words and to copy. */
import type { TrafficEntry } from "@parlor/shared/api/types.ts";
import { seconds } from "@parlor/shared/chat/format.ts";

import { visible } from "../../conversation/asking.ts";
import { readable } from "../../conversation/tools.ts";

export type Only = "all" | "calls" | "failures";

export const ONLY: readonly { readonly value: Only; readonly label: string }[] = [
  { value: "all", label: "Everything" },
  { value: "calls", label: "Requests and answers" },
  { value: "failures", label: "What failed" },
];

const KINDS: Readonly<Record<TrafficEntry["kind"], string>> = {
  request: "request",
  answer: "answer",
  notification: "notification",
  failure: "failure",
};

/** An answer may be an error: that is a failure as well to somebody who looks for one. */
export function isFailure(entry: TrafficEntry): boolean {
  return entry.kind === "failure" || (entry.kind === "answer" && /"error":/.test(entry.text));
}

export function chosen(
  entries: readonly TrafficEntry[],
  only: Only,
  query: string,
): readonly TrafficEntry[] {
  const sought = query.trim().toLowerCase();
  return entries.filter((entry) => {
    if (only === "failures" && !isFailure(entry)) return false;
    if (only === "calls" && entry.kind !== "request" && entry.kind !== "answer") return false;
    return `${entry.method ?? ""}\n${entry.text}`.toLowerCase().includes(sought);
  });
}

export function entryTitle(entry: TrafficEntry): string {
  return visible(entry.method ?? (entry.kind === "failure" ? "No message" : KINDS[entry.kind]));
}

export function entryNote(entry: TrafficEntry): string {
  const way = entry.direction === "sent" ? "sent" : "received";
  const kind = isFailure(entry) && entry.kind === "answer" ? "error" : KINDS[entry.kind];
  const took = entry.duration_ms === null ? "" : ` after ${seconds(entry.duration_ms)}`;
  return `${kind} ${way}${took}`;
}

/** With the part of a second: messages follow one another quickly. */
export function momentWords(iso: string): string {
  const at = new Date(iso);
  const time = at.toLocaleTimeString("en-GB");
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function textOf(entry: TrafficEntry): string {
  return visible(readable(entry.text)) + (entry.is_cut ? "\n… (cut here)" : "");
}

/** As it came, for a text file or a report. */
export function copied(entries: readonly TrafficEntry[]): string {
  return entries
    .map((entry) => `${entry.at}  ${entryTitle(entry)}  (${entryNote(entry)})\n${entry.text}`)
    .join("\n\n");
}
