import type { ApiKey, Scope } from "@parlor/shared/api/types.ts";
import { agoWords, dateWords } from "@parlor/shared/words/times.ts";

export interface ScopeChoice {
  readonly scope: Scope;
  readonly label: string;
  readonly hint: string;
  readonly ownerOnly: boolean;
}

export const SCOPES: readonly ScopeChoice[] = [
  {
    scope: "chat",
    label: "Chat",
    hint: "Send messages as you, within your limits, and read the answers.",
    ownerOnly: false,
  },
  { scope: "tools", label: "Tools", hint: "Call the tools that you may use.", ownerOnly: false },
  {
    scope: "read",
    label: "Read",
    hint: "Look at your conversations and settings, change nothing.",
    ownerOnly: false,
  },
  {
    scope: "admin",
    label: "Administration",
    hint: "Manage people and read the log. Give it to nothing that faces the internet.",
    ownerOnly: true,
  },
];

export const LIFETIMES = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "", label: "Until I revoke it" },
] as const;

export function scopeWords(scopes: readonly Scope[]): string {
  const names = SCOPES.filter(({ scope }) => scopes.includes(scope)).map(({ label }) => label);
  return names.join(", ");
}

export function keyNote(key: ApiKey, now: number): string {
  const used =
    key.last_used_at === null ? "never used" : `last used ${agoWords(key.last_used_at, now)}`;
  return `Ends in ${key.hint}, ${used}. ${scopeWords(key.scopes)}. ${endWords(key, now)}`;
}

export function isOver(key: ApiKey, now: number): boolean {
  return key.expires_at !== null && Date.parse(key.expires_at) <= now;
}

function endWords(key: ApiKey, now: number): string {
  if (key.expires_at === null) return "Works until revoked.";
  const day = dateWords(key.expires_at, now);
  return isOver(key, now) ? `Expired on ${day}.` : `Works until ${day}.`;
}
