import { expect, test } from "vitest";

import {
  argumentsOf,
  formsOf,
  isLong,
  isYes,
  outcomeWords,
  questionTitle,
  timeLeft,
  visible,
} from "./asking.ts";

test("arguments are shown one by one, and as they came when they are no object", () => {
  expect(argumentsOf('{"to":"bob@example.org","count":2,"tags":["a"]}')).toEqual([
    { name: "to", value: "bob@example.org" },
    { name: "count", value: "2" },
    { name: "tags", value: '[\n  "a"\n]' },
  ]);
  expect(argumentsOf("{}")).toEqual([]);
  expect(argumentsOf("[1]")).toBeNull();
  expect(argumentsOf("null")).toBeNull();
  expect(argumentsOf("not json")).toBeNull();
});

test("letters that hide or turn words around are named", () => {
  expect(visible("bob\u202Egro.elpmaxe")).toBe("bob‹U+202E›gro.elpmaxe");
  expect(visible("a\u200Bb\u{E0041}")).toBe("a‹U+200B›b‹U+E0041›");
  expect(visible("two\nlines\tand äöü 東京 👍")).toBe("two\nlines\tand äöü 東京 👍");
  expect(argumentsOf('{"to\\u202e":"x\\u200b"}')).toEqual([
    { name: "to‹U+202E›", value: "x‹U+200B›" },
  ]);
});

test("long values fold", () => {
  expect(isLong("short")).toBe(false);
  expect(isLong("x".repeat(500))).toBe(true);
  expect(isLong("line\n".repeat(9))).toBe(true);
});

test("the time that is left is told in minutes, then in seconds", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");
  expect(timeLeft("2026-11-21T10:04:30Z", now)).toBe("5 min left");
  expect(timeLeft("2026-11-21T10:00:09Z", now)).toBe("9 s left");
  expect(timeLeft("2026-11-21T09:59:59Z", now)).toBe("Time is up");
});

test("a no and a silence are told apart, and neither is a yes", () => {
  expect(outcomeWords("deny")).toBe("Not allowed");
  expect(outcomeWords("expired")).toBe("Nobody answered, so it did not run");
  expect([isYes("deny"), isYes("expired"), isYes("allow")]).toEqual([false, false, true]);
});

test("what became of a form stands at its call; the yes to the call itself is stored with it", () => {
  const form = {
    type: "input.requested" as const,
    input_id: "inp_1",
    call_id: "call_1",
    server: "Shop",
    message: "Which?",
    kind: "form" as const,
    fields: {},
    url: "",
    expires_at: "2026-11-21T10:00:00Z",
  };
  const decided = [
    { question: form, outcome: "accept" as const, part: 1 },
    { question: { ...form, input_id: "inp_2" }, outcome: "decline" as const, part: 3 },
    { question: { ...form, input_id: "inp_3" }, outcome: "allow" as const, part: 1 },
  ];
  expect(formsOf(decided, 1)).toEqual([{ id: "inp_1", verdict: "accept" }]);
  expect(formsOf(decided, 2)).toEqual([]);
});

test("a question names the tool and whose it is", () => {
  const asked = {
    type: "approval.requested" as const,
    approval_id: "ask_1",
    call_id: "call_1",
    tool: "add_event",
    title: "",
    server: "Calendar",
    description: "",
    arguments: "{}",
    reason: "writes" as const,
    detail: "It can change something.",
    can_remember: true,
    expires_at: "2026-11-21T10:00:00Z",
  };
  expect(questionTitle(asked)).toBe("May “Add event” of Calendar run?");
  expect(questionTitle({ ...asked, server: "", title: "Add" })).toBe("May “Add” run?");
});
