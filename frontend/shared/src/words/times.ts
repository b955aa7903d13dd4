/** Times as people say them. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function counted(value: number, unit: string): string {
  return `${String(value)} ${unit}${value === 1 ? "" : "s"}`;
}

function midnightBefore(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** Whole days on the calendar between two moments: 0 for the same day. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((midnightBefore(later) - midnightBefore(earlier)) / DAY);
}

export function dateWords(iso: string, now: number): string {
  const at = new Date(iso);
  const sameYear = at.getFullYear() === new Date(now).getFullYear();
  const year = sameYear ? undefined : "numeric";
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year });
}

export function agoWords(iso: string, now: number): string {
  const at = Date.parse(iso);
  const passed = now - at;
  // Clocks of two machines are never quite the same.
  if (passed < MINUTE) return "just now";
  if (passed < HOUR) return `${counted(Math.floor(passed / MINUTE), "minute")} ago`;
  const days = daysBetween(at, now);
  if (days === 0 || passed < 6 * HOUR) {
    return `${counted(Math.floor(passed / HOUR), "hour")} ago`;
  }
  if (days === 1) return "yesterday";
  if (days < 14) return `${counted(days, "day")} ago`;
  return `on ${dateWords(iso, now)}`;
}

/** "Today", "Yesterday", or the date, for the heading over what happened that day. */
export function dayWords(iso: string, now: number): string {
  const days = daysBetween(Date.parse(iso), now);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : dateWords(iso, now);
}

/** A wait as the head reads it: "42 seconds", "2 minutes", "1 hour 20 minutes". */
export function waitWords(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 90) return counted(whole, "second");
  const minutes = Math.ceil(whole / 60);
  if (minutes < 60) return counted(minutes, "minute");
  const hours = counted(Math.floor(minutes / 60), "hour");
  return minutes % 60 === 0 ? hours : `${hours} ${counted(minutes % 60, "minute")}`;
}

/** What is left, as a clock shows it: "4:05". */
export function countdownClock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  return `${String(Math.floor(whole / 60))}:${rest}`;
}
