import type { SessionInfo } from "@parlor/shared/api/types.ts";
import type { IconName } from "@parlor/shared/ui/icons.ts";
import { type AgentKind, agentOf } from "@parlor/shared/words/agents.ts";
import { agoWords } from "@parlor/shared/words/times.ts";

const ICONS: Readonly<Record<AgentKind, IconName>> = {
  phone: "phone",
  tablet: "phone",
  computer: "laptop",
  display: "screen",
  program: "terminal",
};

export interface SessionWords {
  readonly title: string;
  readonly note: string;
  readonly icon: IconName;
}

export function sessionWords(session: SessionInfo, now: number): SessionWords {
  const { name, kind } = agentOf(session.user_agent);
  const program = session.kind === "token";
  const seen = session.current ? "In use now" : `Last seen ${agoWords(session.last_seen_at, now)}`;
  const from = session.address === "" ? "" : ` from ${session.address}`;
  return {
    title: program ? `${name} (a program)` : name,
    note: `${seen}${from}. Signed in ${agoWords(session.created_at, now)}.`,
    icon: ICONS[program ? "program" : kind],
  };
}

/** This one first, then the latest seen. */
export function sessionOrder(sessions: readonly SessionInfo[]): SessionInfo[] {
  return [...sessions].sort((a, b) => {
    if (a.current !== b.current) return a.current ? -1 : 1;
    return b.last_seen_at.localeCompare(a.last_seen_at);
  });
}
