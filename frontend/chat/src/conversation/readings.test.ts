import { expect, test } from "vitest";

import { Readings } from "./readings.ts";

test("an answer that is overtaken is dropped, and no other", () => {
  const readings = new Readings();
  const [first, second, third] = [readings.asks(), readings.asks(), readings.asks()];
  expect(readings.takes(second)).toBe(true);
  expect(readings.takes(first)).toBe(false);
  expect(readings.takes(third)).toBe(true);
});

test("only what is asked after a choice knows of it", () => {
  const readings = new Readings();
  const before = readings.asks();
  expect(readings.knowsOfChoice(before)).toBe(true);
  readings.chooses();
  expect(readings.knowsOfChoice(before)).toBe(false);
  expect(readings.knowsOfChoice(readings.asks())).toBe(true);
});
