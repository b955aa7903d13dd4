import { expect, test } from "vitest";

import { appNote } from "./apps.ts";

test("an app says what it may, since when, and when it was last here", () => {
  const app = {
    id: "app_1",
    name: "Desk",
    uri: null,
    scopes: ["chat" as const, "tools" as const],
    created_at: "2026-11-21T09:00:00Z",
    last_used_at: null,
  };
  const now = Date.parse("2026-11-21T10:00:00Z");
  expect(appNote(app, now)).toBe(
    "May ask models as you, use your tools. Let in 1 hour ago, never used.",
  );
  expect(appNote({ ...app, last_used_at: "2026-11-21T09:59:00Z" }, now)).toContain(
    "last used 1 minute ago.",
  );
});
