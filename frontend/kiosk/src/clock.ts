/** What a clock on a wall shows, and when it has to show something else. */

export interface Time {
  readonly digits: string;
  /** "AM" or "PM", where people count to twelve. */
  readonly half: string;
}

export function timeOf(now: Date, locale?: string): Time {
  const format = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const parts = format.formatToParts(now);
  const half = parts.find(({ type }) => type === "dayPeriod")?.value ?? "";
  const digits = parts.filter(({ type }) => type !== "dayPeriod").map(({ value }) => value);
  return { digits: digits.join("").trim(), half };
}

export function dateWords(now: Date): string {
  return now.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
}

/** Milliseconds until the next minute begins. */
export function untilNextMinute(now: Date): number {
  return 60_000 - (now.getSeconds() * 1000 + now.getMilliseconds());
}

const STEP = 8;
const PLACES = [
  [0, 0],
  [STEP, 0],
  [STEP, STEP],
  [0, STEP],
  [-STEP, STEP],
  [-STEP, 0],
  [-STEP, -STEP],
  [0, -STEP],
  [STEP, -STEP],
] as const;

/** Pixels by which everything stands aside in this minute, so that nothing burns in. */
export function drift(now: Date): readonly [number, number] {
  const minute = Math.floor(now.getTime() / 60_000);
  return PLACES[minute % PLACES.length] ?? [0, 0];
}
