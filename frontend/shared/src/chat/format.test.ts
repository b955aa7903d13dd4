import { expect, test } from "vitest";

import type { Summary } from "../api/types.ts";
import { cost, count, duration, price, seconds } from "./format.ts";
import { grouped, ordered } from "./groups.ts";

test("times, counts and costs are short", () => {
  expect([seconds(0), seconds(120), seconds(2000), seconds(65_000)]).toEqual([
    "1 ms",
    "120 ms",
    "2.0 s",
    "1 min 5 s",
  ]);
  expect([duration(12), duration(60), duration(125)]).toEqual(["12 s", "1 min", "2 min 5 s"]);
  expect([count(999), count(1000), count(32_000), count(1_048_576)]).toEqual([
    "999",
    "1k",
    "32k",
    "1M",
  ]);
  expect([cost(0), cost(0.00001), cost(0.0123), cost(1.5)]).toEqual([
    "free",
    "< $0.0001",
    "$0.0123",
    "$1.50",
  ]);
  expect([price(0), price(0.25), price(15)]).toEqual(["free", "$0.25", "$15"]);
});

function summary(id: string, updated: Date, pinned = false): Summary {
  return {
    id,
    title: id,
    title_source: "auto",
    model: null,
    pinned,
    archived: false,
    created_at: updated.toISOString(),
    updated_at: updated.toISOString(),
    running_turn_id: null,
  };
}

test("the list is cut at midnights, not at 24 hours, also when the clocks change", () => {
  for (const now of [
    new Date(2026, 10, 20, 9),
    new Date(2026, 9, 25, 9),
    new Date(2026, 2, 29, 9),
  ]) {
    const at = (days: number, hour: number) =>
      new Date(now.getFullYear(), now.getMonth(), now.getDate() - days, hour);
    const groups = grouped(
      [
        summary("pin", at(30, 9), true),
        summary("now", at(0, 0)),
        summary("late", at(1, 23)),
        summary("early", at(1, 0)),
        summary("week", at(2, 23)),
        summary("old", at(9, 12)),
      ],
      now,
    );
    expect(groups.map((group) => [group.name, group.conversations.map((one) => one.id)])).toEqual([
      ["Pinned", ["pin"]],
      ["Today", ["now"]],
      ["Yesterday", ["late", "early"]],
      ["Previous 7 days", ["week"]],
      ["Older", ["old"]],
    ]);
  }
});

test("pinned conversations come first, then the latest", () => {
  const day = (date: number) => new Date(2026, 10, date);
  const list = [summary("a", day(1)), summary("b", day(3)), summary("c", day(2), true)];
  expect(ordered(list).map((one) => one.id)).toEqual(["c", "b", "a"]);
});
