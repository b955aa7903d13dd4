import { expect, test } from "vitest";

import { memoryNote } from "./words.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const MEMORY = {
  id: "mem_1",
  text: "Anna eats no meat.",
  conversation_id: null,
  created_at: "2026-11-21T09:00:00Z",
};

test("a memory says where it comes from", () => {
  expect(memoryNote(MEMORY, NOW)).toBe("You added it 1 hour ago.");
  expect(memoryNote({ ...MEMORY, conversation_id: "cnv_1" }, NOW)).toBe(
    "From a conversation, 1 hour ago.",
  );
});
