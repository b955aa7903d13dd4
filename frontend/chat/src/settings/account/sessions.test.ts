import type { SessionInfo } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { sessionOrder, sessionWords } from "./sessions.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

function session(changes: Partial<SessionInfo>): SessionInfo {
  return {
    id: "ses_1",
    kind: "session",
    user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    address: "192.168.1.20",
    created_at: "2026-11-21T09:00:00Z",
    last_seen_at: "2026-11-21T11:30:00Z",
    expires_at: "2026-12-21T09:00:00Z",
    current: false,
    ...changes,
  };
}

test("a session says what it is, where it is and when it was last seen", () => {
  expect(sessionWords(session({}), NOW)).toEqual({
    title: "Firefox on Linux",
    note: "Last seen 30 minutes ago from 192.168.1.20. Signed in 3 hours ago.",
    icon: "laptop",
  });
  expect(sessionWords(session({ current: true, address: "" }), NOW).note).toBe(
    "In use now. Signed in 3 hours ago.",
  );
  const program = sessionWords(session({ kind: "token", user_agent: "curl/8.1" }), NOW);
  expect(program).toMatchObject({ title: "curl (a program)", icon: "terminal" });
});

test("the session in use stands first, then the latest seen", () => {
  const older = session({ id: "older", last_seen_at: "2026-11-20T00:00:00Z" });
  const newer = session({ id: "newer" });
  const mine = session({ id: "mine", current: true, last_seen_at: "2026-11-19T00:00:00Z" });
  expect(sessionOrder([older, newer, mine]).map(({ id }) => id)).toEqual([
    "mine",
    "newer",
    "older",
  ]);
});
