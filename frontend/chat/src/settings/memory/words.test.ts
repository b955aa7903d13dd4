import { expect, test } from "vitest";

import { memoryNote, rememberWays } from "./words.ts";

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

test("one of the ways to remember is always the chosen one", () => {
  for (const choice of [null, "allow", "ask", "deny"] as const) {
    for (const policy of ["allow", "ask", "deny"] as const) {
      const { value, ways } = rememberWays({ choice, policy });
      expect(ways.map((way) => way.value)).toContain(value);
      expect(new Set(ways.map((way) => way.value)).size).toBe(3);
    }
  }
  const shown = (choice: "allow" | "ask" | "deny" | null) => {
    const { value, ways } = rememberWays({ choice, policy: choice ?? "ask" });
    return ways.find((way) => way.value === value)?.label;
  };
  expect(shown(null)).toBe("Ask me each time");
  expect(shown("ask")).toBe("Ask me each time");
  expect(shown("allow")).toBe("Without asking");
  expect(shown("deny")).toBe("Never");
});
