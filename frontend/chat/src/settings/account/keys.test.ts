import type { ApiKey } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { isOver, keyNote, scopeWords } from "./keys.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const KEY: ApiKey = {
  id: "key_1",
  name: "Shell",
  scopes: ["read", "chat"],
  hint: "x7Qf",
  created_at: "2026-11-01T12:00:00Z",
  expires_at: null,
  last_used_at: null,
};

test("a key says how it ends, what it may do and how long", () => {
  expect(keyNote(KEY, NOW)).toBe("Ends in x7Qf, never used. Chat, Read. Works until revoked.");
  const used = { ...KEY, last_used_at: "2026-11-21T11:00:00Z", expires_at: "2026-12-01T12:00:00Z" };
  expect(keyNote(used, NOW)).toBe(
    "Ends in x7Qf, last used 1 hour ago. Chat, Read. Works until 1 December.",
  );
});

test("an expired key says so", () => {
  const over = { ...KEY, expires_at: "2026-11-20T12:00:00Z" };
  expect(isOver(over, NOW)).toBe(true);
  expect(keyNote(over, NOW)).toContain("Expired on 20 November.");
});

test("what a key may do is told in a steady order", () => {
  expect(scopeWords(["admin", "tools", "chat"])).toBe("Chat, Tools, Administration");
});
