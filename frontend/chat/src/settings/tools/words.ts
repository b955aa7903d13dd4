/** Tool servers in words. */
import type { ToolBody, ToolServer, ToolWords } from "@parlor/shared/api/types.ts";
import { clock, longDate } from "@parlor/shared/chat/format.ts";

const STATES: Readonly<Record<ToolServer["state"], string>> = {
  off: "Switched off",
  connecting: "Connecting",
  ready: "Ready",
  failed: "Not reachable",
  needs_sign_in: "Needs you to sign in",
};

function sinceWords(iso: string, now: number): string {
  const today = new Date(iso).toDateString() === new Date(now).toDateString();
  return today ? clock(iso) : longDate(iso);
}

export function stateWords(server: ToolServer, now: number): string {
  const state = server.enabled ? STATES[server.state] : STATES.off;
  const since = `${state} since ${sinceWords(server.since, now)}`;
  const tools = server.tool_count === 1 ? "1 tool" : `${String(server.tool_count)} tools`;
  const reason = server.enabled && server.state !== "ready" ? sentence(server.reason) : "";
  return [`${since}.`, server.tool_count > 0 ? `${tools}.` : "", reason].filter(Boolean).join(" ");
}

function sentence(reason: string): string {
  const trimmed = reason.trim();
  if (trimmed === "") return "";
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

const SOURCES: Readonly<Record<ToolServer["source"], string>> = {
  file: "from the operator’s file",
  person: "added here",
  discovery: "found on the network",
};

export function sourceWords(server: ToolServer): string {
  return SOURCES[server.source];
}

/** Why the tools page was opened from elsewhere: the code behind `#sign-in=`. */
const SIGN_INS: Readonly<Record<string, string>> = {
  done: "Signed in. Its tools may be used now.",
  tool_sign_in_expired: "That took too long, or began in another browser. Please sign in again.",
  tool_sign_in_denied: "The sign-in was called off over there.",
};

/** Any other code is told without its name: it comes from an address that anybody can write. */
export function signInWords(code: string): string {
  if (code === "") return "";
  return Object.hasOwn(SIGN_INS, code)
    ? (SIGN_INS[code] ?? "")
    : "Signing in over there did not work. Please try again.";
}

export function kindWords(tool: ToolBody): string {
  const kinds = [tool.read_only ? "Only reads" : "Can change things"];
  if (tool.destructive) kinds.push("can delete");
  if (tool.open_world) kinds.push("reaches outside");
  return kinds.join(", ");
}

export interface ChangedWords {
  readonly what: string;
  readonly approved: string;
  readonly now: string;
}

/** Every part of a tool's words that is not what was approved. */
export function changesOf(approved: ToolWords, now: ToolWords): readonly ChangedWords[] {
  const parts: readonly [string, (words: ToolWords) => string][] = [
    ["Name", (words) => words.title],
    ["Description", (words) => words.description],
    ["What it is sent", (words) => JSON.stringify(words.input_schema, null, 2)],
    ["What it answers", (words) => JSON.stringify(words.output_schema, null, 2)],
    ["What it says it does", (words) => JSON.stringify(words.hints, null, 2)],
  ];
  return parts
    .map(([what, of]) => ({ what, approved: of(approved), now: of(now) }))
    .filter((one) => one.approved !== one.now);
}

/** What a sign-in elsewhere asks for: it stands in the address, with names that belong to whoever
 * is there. */
export function scopesAsked(url: string): readonly string[] {
  const list = new URL(url).searchParams.get("scope") ?? "";
  return [...new Set(list.split(/\s+/).filter(Boolean))];
}
