import type { Limits } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { dollarsOf, draftOf, judged, limitsWords, spending } from "./limits.ts";

const NONE: Limits = {
  models: null,
  tools: null,
  hours: null,
  dollars_a_day: null,
  products: null,
  agents: null,
};

test("limits go through the form unchanged", () => {
  const all: Limits = {
    models: ["demo/*"],
    tools: [],
    hours: [{ start: "20:00", end: "07:00" }],
    dollars_a_day: 0.25,
    products: ["school"],
    agents: [],
  };
  for (const limits of [NONE, all]) {
    expect(judged(draftOf(limits), limits)).toEqual({ limits, problem: null });
  }
});

test("nothing allowed and anything allowed are not the same", () => {
  const draft = { ...draftOf(NONE), onlySomeModels: true };
  expect(judged(draft, NONE).limits?.models).toEqual([]);
  expect(judged(draftOf(NONE), NONE).limits?.models).toBeNull();
});

test("an amount is read as people type it, and refused when it is none", () => {
  expect(dollarsOf("0,50")).toBe(0.5);
  expect(dollarsOf("$ 2")).toBe(2);
  expect(dollarsOf("0")).toBe(0);
  for (const wrong of ["", "much", "-1", "1.2.3", "99999", "1e3"]) {
    expect(dollarsOf(wrong), wrong).toBeNull();
  }
  expect(judged({ ...draftOf(NONE), capped: true, dollars: "much" }, NONE).problem).toContain(
    "dollars",
  );
});

test("an empty time is refused", () => {
  const draft = { ...draftOf(NONE), onlySomeHours: true, hours: [{ start: "", end: "08:00" }] };
  expect(judged(draft, NONE).problem).toContain("time");
});

test("spending is told with its cap", () => {
  expect(spending(0.12, 0.5)).toEqual({ words: "Today: $0.12 of $0.50", part: 0.24 });
  expect(spending(3, null)).toEqual({ words: "Today: $3.00", part: null });
  expect(spending(0, 0)).toEqual({ words: "Today: $0.00 of $0.00", part: 1 });
  expect(spending(0.0004, 1).words).toBe("Today: less than $0.01 of $1.00");
});

test("limits fit on one line", () => {
  expect(limitsWords(NONE)).toBe("");
  expect(
    limitsWords({
      ...NONE,
      dollars_a_day: 0.5,
      hours: [{ start: "07:00", end: "20:00" }],
      models: ["demo/fast"],
      tools: [],
    }),
  ).toBe("$0.50 a day, 07:00–20:00, 1 model, no tools");
});
