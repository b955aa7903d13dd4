import type { Message } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { endingOf } from "./endings.ts";

const ended = (finish_reason: string | null, ...words: string[]): Message => ({
  id: "msg_1",
  parent_id: "msg_0",
  role: "assistant",
  parts: words.map((text) => ({ type: "text", text })),
  status: "complete",
  error: null,
  notices: [],
  model: null,
  usage: null,
  finish_reason,
  turn_id: null,
  created_at: "2026-11-21T12:00:00Z",
});

test.each(["length", "step_limit", "tool_error_limit", "cost_limit"])(
  "an answer that came to its %s can go on, whether it said something or not",
  (reason) => {
    expect(endingOf(ended(reason))?.canContinue).toBe(true);
    expect(endingOf(ended(reason, "So far."))?.canContinue).toBe(true);
  },
);

test("an answer that a filter cut short does not look whole", () => {
  expect(endingOf(ended("content_filter", "So far."))?.words).toMatch(/cut this answer short/);
});

test("an answer that said all it had to say needs no words", () => {
  expect(endingOf(ended("stop", "All."))).toBeNull();
  expect(endingOf(ended("stop"))?.words).toBe("The model said nothing.");
});
