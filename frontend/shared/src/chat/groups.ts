/** The conversation list in the stretches of time a person thinks in. */
import type { Summary } from "../api/types.ts";

export interface Group {
  readonly name: string;
  readonly conversations: readonly Summary[];
}

const DAY = 86_400_000;

export function grouped(conversations: readonly Summary[], now: Date): Group[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const nameOf = (summary: Summary): string => {
    if (summary.pinned) return "Pinned";
    const at = Date.parse(summary.updated_at);
    if (at >= midnight) return "Today";
    // Half a day of slack: on a 25-hour day yesterday is longer than 24 hours.
    if (at >= new Date(midnight - DAY / 2).setHours(0, 0, 0, 0)) return "Yesterday";
    return at >= midnight - 7 * DAY ? "Previous 7 days" : "Older";
  };
  const names = ["Pinned", "Today", "Yesterday", "Previous 7 days", "Older"];
  return names
    .map((name) => ({ name, conversations: conversations.filter((one) => nameOf(one) === name) }))
    .filter((group) => group.conversations.length > 0);
}

/** The server's order: pinned first, then newest activity. */
export function ordered(conversations: readonly Summary[]): Summary[] {
  return [...conversations].sort((a, b) => {
    if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
    return b.updated_at.localeCompare(a.updated_at);
  });
}
