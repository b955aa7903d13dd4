import type { TrafficEntry } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { chosen, copied, entryNote, entryTitle, isFailure, textOf } from "./traffic.ts";

const REQUEST: TrafficEntry = {
  number: 1,
  at: "2026-11-21T10:00:00.250Z",
  direction: "sent",
  kind: "request",
  method: "tools/call",
  id: "7",
  text: '{"jsonrpc":"2.0","id":7,"method":"tools/call"}',
  is_cut: false,
  duration_ms: null,
};
const ANSWER: TrafficEntry = {
  ...REQUEST,
  number: 2,
  direction: "received",
  kind: "answer",
  text: '{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"No such tool"}}',
  duration_ms: 1234,
};
const PING: TrafficEntry = { ...REQUEST, number: 3, kind: "notification", method: "progress" };

test("entries say what they are, and how long an answer took", () => {
  expect(entryTitle(REQUEST)).toBe("tools/call");
  expect(entryNote(REQUEST)).toBe("request sent");
  expect(entryNote(ANSWER)).toBe("error received after 1.2 s");
  expect(entryTitle({ ...REQUEST, kind: "failure", method: null })).toBe("No message");
  expect(entryTitle({ ...REQUEST, method: "tools\u202Ecall" })).toBe("tools‹U+202E›call");
});

test("an answer that is an error counts as failed", () => {
  expect(isFailure(ANSWER)).toBe(true);
  expect(isFailure(REQUEST)).toBe(false);
  expect(chosen([REQUEST, ANSWER, PING], "failures", "")).toEqual([ANSWER]);
});

test("the list is narrowed by kind and by words", () => {
  expect(chosen([REQUEST, ANSWER, PING], "calls", "")).toEqual([REQUEST, ANSWER]);
  expect(chosen([REQUEST, ANSWER, PING], "all", " NO SUCH ")).toEqual([ANSWER]);
  expect(chosen([REQUEST, ANSWER, PING], "all", "nothing like it")).toEqual([]);
});

test("a message is laid out to be read, and copied as it came", () => {
  expect(textOf(REQUEST)).toContain('\n  "id": 7');
  expect(textOf({ ...REQUEST, text: '{"a":', is_cut: true })).toBe('{"a":\n… (cut here)');
  expect(copied([REQUEST, ANSWER])).toContain(`(request sent)\n${REQUEST.text}\n\n`);
});
