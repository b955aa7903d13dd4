import type { System, SystemCheck } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import {
  grouped,
  momentWords,
  serverOf,
  sizeWords,
  spans,
  summaryWords,
  timeWords,
  whenWords,
} from "./words.ts";

const NOW = new Date(2026, 10, 21, 15, 30).getTime();
const HOUR = 3_600_000;

function before(hours: number): string {
  return new Date(NOW - hours * HOUR).toISOString();
}

function check(id: string, state: SystemCheck["state"] = "ok"): SystemCheck {
  return { id, title: id, state, words: "Words.", fix: "" };
}

const SYSTEM: System = {
  version: "1.0.0",
  release: null,
  started_at: null,
  checks: [],
  backup: { configured: true, last: null, copy: null, rehearsal: null },
  disk: null,
  certificate: null,
  database_bytes: 0,
  people: 1,
  conversations: 0,
};

test("a moment names its zone", () => {
  expect(momentWords("2026-11-21T03:05:00Z")).toMatch(/^2[01] Nov 2026, \d\d:\d5 \S+$/);
});

test("what was lately is told by how long ago, what was not by the date alone", () => {
  expect(whenWords(before(3), NOW)).toMatch(/^3 hours ago \(21 Nov 2026, 12:30 /);
  expect(whenWords(before(24 * 20), NOW)).toMatch(/^on 1 Nov 2026, 15:30 /);
  expect(whenWords(before(-24), NOW)).toMatch(/^on 22 Nov 2026, 15:30 /);
});

test("sizes are short", () => {
  expect(sizeWords(0)).toBe("0 bytes");
  expect(sizeWords(999)).toBe("999 bytes");
  expect(sizeWords(1_540)).toBe("1.5 kB");
  expect(sizeWords(182_400_000_000)).toBe("182 GB");
  expect(sizeWords(5e15)).toBe("5000 TB");
});

test("what needs attention comes first, and is counted", () => {
  const checks = [check("a"), check("b", "off"), check("c", "attention"), check("d")];
  const shown = grouped(checks).map((group) => [group.title, group.checks.map((one) => one.id)]);
  expect(shown).toEqual([
    ["What to do", ["c"]],
    ["In order", ["a", "d"]],
    ["Not set up", ["b"]],
  ]);
  expect(grouped([check("a")]).map((group) => group.title)).toEqual(["In order"]);
  expect(summaryWords([check("a"), check("b", "off")])).toBe("Everything is in order.");
  expect(summaryWords(checks)).toBe("One thing needs attention.");
  expect(summaryWords([...checks, check("e", "attention")])).toBe("2 things need attention.");
});

test("backups say when they were made, and when it last went well", () => {
  const good = { at: before(8), ok: true, words: "", good_at: before(8) };
  const bad = { ...good, ok: false };
  const backup = { configured: true, last: good, copy: bad, rehearsal: { ...bad, good_at: null } };
  const system = { ...SYSTEM, backup };
  expect(timeWords(check("backup"), system, NOW)).toMatch(/^Made 8 hours ago \(.*\)\.$/);
  expect(timeWords(check("copy", "attention"), system, NOW)).toMatch(
    /^Tried 8 hours ago \(.*\)\. It last went well 8 hours ago/,
  );
  expect(timeWords(check("rehearsal", "attention"), system, NOW)).toContain("never gone well");
  expect(timeWords(check("backup"), SYSTEM, NOW)).toBe("");
  expect(timeWords(check("backup", "off"), system, NOW)).toBe("");
  expect(timeWords(check("disk"), system, NOW)).toBe("");
});

test("a certificate says until when it is good", () => {
  const until = (ends_at: string) =>
    timeWords(check("certificate"), { ...SYSTEM, certificate: { ends_at } }, NOW);
  expect(until(before(-24 * 90))).toMatch(/^It ends on 19 Feb 2027/);
  expect(until(before(2))).toMatch(/^It ended 2 hours ago/);
  expect(timeWords(check("certificate"), SYSTEM, NOW)).toBe("");
});

test("a check of a tool server leads to its page", () => {
  expect(serverOf(check("tools/weather-2"))).toBe("weather-2");
  expect(serverOf(check("tools/../people"))).toBe(null);
  expect(serverOf(check("disk"))).toBe(null);
});

test("what is typed stands out", () => {
  expect(spans("Run `parlor backup` now.")).toEqual([
    { words: "Run ", typed: false },
    { words: "parlor backup", typed: true },
    { words: " now.", typed: false },
  ]);
  expect(spans("`a`")).toEqual([{ words: "a", typed: true }]);
  expect(spans("")).toEqual([]);
});
