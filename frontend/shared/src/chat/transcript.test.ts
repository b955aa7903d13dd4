import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Message, TurnEvent } from "../api/types.ts";
import {
  EMPTY_TRANSCRIPT,
  questionId,
  reduce,
  resumedFrom,
  type Transcript,
} from "./transcript.ts";

const GOLDEN = join(import.meta.dirname, "../../../../tests/fixtures/turns");

type Shown = Omit<Transcript, "progress" | "questions" | "decided">;

interface Golden {
  name: string;
  events: TurnEvent[];
  transcript: Shown;
}

function read(file: string): Golden {
  const lines = readFileSync(join(GOLDEN, file), "utf8").trimEnd().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const last = records.pop();
  return {
    name: file.replace(/_/g, " ").replace(".jsonl", ""),
    events: records.map((record) => record["event"] as TurnEvent),
    transcript: last?.["transcript"] as Golden["transcript"],
  };
}

const turns = readdirSync(GOLDEN)
  .filter((file) => file.endsWith(".jsonl"))
  .map(read);

function stored(transcript: Transcript): Shown {
  const { progress: _, questions: __, decided: ___, ...rest } = transcript;
  return rest;
}

describe("golden turns", () => {
  test("there are some", () => {
    expect(turns.length).toBeGreaterThan(8);
  });

  test.each(turns)("$name", ({ events, transcript }) => {
    expect(stored(events.reduce(reduce, EMPTY_TRANSCRIPT))).toEqual(transcript);
  });

  test.each(turns)("$name: nothing that was shown is changed afterwards", ({ events }) => {
    let transcript = EMPTY_TRANSCRIPT;
    for (const event of events) {
      const before = JSON.stringify(transcript);
      const next = reduce(transcript, event);
      expect(JSON.stringify(transcript)).toBe(before);
      transcript = next;
    }
  });
});

test("a continued answer goes on at the end of its old text and loses its old ending", () => {
  const message: Message = {
    id: "msg_2",
    parent_id: "msg_1",
    role: "assistant",
    parts: [{ type: "text", text: "Once upon" }],
    status: "stopped",
    error: { code: "x", detail: "old" },
    notices: [],
    model: "demo:parlor",
    usage: null,
    finish_reason: null,
    turn_id: "trn_1",
    created_at: "2026-11-20T18:00:00.000Z",
  };
  const transcript = reduce(resumedFrom(message), { type: "text.delta", text: " a time" });
  expect(transcript.parts).toEqual([{ type: "text", text: "Once upon a time" }]);
  expect(transcript.status).toBe("running");
  expect(transcript.error).toBeNull();
});

test("progress of a tool is shown while it runs and forgotten at the end", () => {
  const running = reduce(EMPTY_TRANSCRIPT, {
    type: "tool.progress",
    call_id: "call_1",
    progress: 2,
    total: 4,
    message: "half",
  });
  expect(running.progress["call_1"]).toEqual({ progress: 2, total: 4, message: "half" });
  const ended = reduce(running, {
    type: "turn.finished",
    status: "completed",
    cost: null,
    finish_reason: "stop",
  });
  expect(ended.progress).toEqual({});
});

describe("questions of a running turn", () => {
  const golden = (name: string) => turns.find((turn) => turn.name === name)?.events ?? [];
  const after = (events: TurnEvent[], type: string) =>
    events.slice(0, events.findIndex((event) => event.type === type) + 1);
  const open = (events: TurnEvent[]) =>
    events.reduce(reduce, EMPTY_TRANSCRIPT).questions.map(questionId);

  test("are open until one of the screens has answered", () => {
    const events = golden("a yes and a form before a tool ran");
    expect(open(after(events, "approval.requested"))).toEqual(["ask_1"]);
    expect(open(after(events, "approval.decided"))).toEqual([]);
    expect(open(after(events, "input.requested"))).toEqual(["ask_2"]);
    expect(open(after(events, "input.decided"))).toEqual([]);
  });

  test("keep what became of them beside their call", () => {
    const events = golden("a yes and a form before a tool ran");
    const { decided } = events.reduce(reduce, EMPTY_TRANSCRIPT);
    expect(
      decided.map(({ question, outcome, part }) => [questionId(question), outcome, part]),
    ).toEqual([
      ["ask_1", "allow", 0],
      ["ask_2", "accept", 0],
    ]);
  });

  test("are gone when the turn has ended without an answer", () => {
    const events = golden("stopped while a person is asked");
    expect(open(after(events, "approval.requested"))).toEqual(["ask_1"]);
    expect(open(events)).toEqual([]);
  });
});

test("an event that this page does not know yet changes nothing", () => {
  const unknown = { type: "citation", url: "https://example.org" } as unknown as TurnEvent;
  expect(reduce(EMPTY_TRANSCRIPT, unknown)).toBe(EMPTY_TRANSCRIPT);
});
