import { expect, test } from "vitest";

import { agoWords, countdownClock, dayWords, waitWords } from "./times.ts";

const NOW = new Date(2026, 10, 21, 15, 30).getTime();

function before(ms: number): string {
  return new Date(NOW - ms).toISOString();
}

test("a moment ago is said as people say it", () => {
  const minute = 60_000;
  expect(agoWords(before(-5000), NOW)).toBe("just now");
  expect(agoWords(before(20_000), NOW)).toBe("just now");
  expect(agoWords(before(minute), NOW)).toBe("1 minute ago");
  expect(agoWords(before(59 * minute), NOW)).toBe("59 minutes ago");
  expect(agoWords(before(3 * 60 * minute), NOW)).toBe("3 hours ago");
  expect(agoWords(before(20 * 60 * minute), NOW)).toBe("yesterday");
  expect(agoWords(before(3 * 24 * 60 * minute), NOW)).toBe("3 days ago");
  expect(agoWords(new Date(2026, 9, 3).toISOString(), NOW)).toBe("on 3 October");
  expect(agoWords(new Date(2025, 9, 3).toISOString(), NOW)).toBe("on 3 October 2025");
});

test("days have names while they are near", () => {
  expect(dayWords(before(0), NOW)).toBe("Today");
  expect(dayWords(new Date(2026, 10, 20, 23, 59).toISOString(), NOW)).toBe("Yesterday");
  expect(dayWords(new Date(2026, 10, 1).toISOString(), NOW)).toBe("1 November");
});

test("a wait is told in words and on a clock", () => {
  expect(waitWords(1)).toBe("1 second");
  expect(waitWords(41.2)).toBe("42 seconds");
  expect(waitWords(121)).toBe("3 minutes");
  expect(waitWords(3600)).toBe("1 hour");
  expect(waitWords(4800)).toBe("1 hour 20 minutes");
  expect(countdownClock(245)).toBe("4:05");
  expect(countdownClock(0.4)).toBe("0:01");
  expect(countdownClock(-3)).toBe("0:00");
});
