import { expect, test } from "vitest";

import { dateWords, drift, timeOf, untilNextMinute } from "./clock.ts";

test("the clock waits for the next minute, not for sixty seconds", () => {
  expect(untilNextMinute(new Date(2026, 10, 21, 8, 15, 59, 900))).toBe(100);
  expect(untilNextMinute(new Date(2026, 10, 21, 8, 15, 0, 0))).toBe(60_000);
});

test("the date is said with its weekday", () => {
  expect(dateWords(new Date(2026, 10, 21))).toBe("Saturday 21 November");
});

test("nothing stays at one place for two minutes, nor wanders off", () => {
  for (let minute = 0; minute < 30; minute += 1) {
    const [x, y] = drift(new Date(minute * 60_000));
    const [nextX, nextY] = drift(new Date((minute + 1) * 60_000));
    expect(Math.max(Math.abs(x - nextX), Math.abs(y - nextY))).toBeGreaterThanOrEqual(8);
    expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThanOrEqual(8);
  }
});

test("the half of the day stands apart, where there is one", () => {
  const evening = new Date(2026, 10, 21, 18, 5);
  expect(timeOf(evening, "en-US")).toEqual({ digits: "6:05", half: "PM" });
  expect(timeOf(evening, "de-DE")).toEqual({ digits: "18:05", half: "" });
});
