/** Numbers and times as people read them. */

export function seconds(ms: number): string {
  if (ms < 950) return `${String(Math.max(1, Math.round(ms)))} ms`;
  const whole = ms / 1000;
  if (whole < 9.95) return `${whole.toFixed(1)} s`;
  return duration(Math.round(whole));
}

/** Whole seconds: "12 s", "2 min 5 s". */
export function duration(total: number): string {
  if (total < 60) return `${String(total)} s`;
  const minutes = Math.floor(total / 60);
  const rest = total % 60;
  return rest === 0 ? `${String(minutes)} min` : `${String(minutes)} min ${String(rest)} s`;
}

export function cost(dollars: number): string {
  if (dollars === 0) return "free";
  if (dollars < 0.0001) return "< $0.0001";
  return `$${dollars.toFixed(dollars < 0.1 ? 4 : 2)}`;
}

export function count(value: number): string {
  if (value < 1000) return String(value);
  if (value < 1_000_000) return `${trimmed(value / 1000)}k`;
  return `${trimmed(value / 1_000_000)}M`;
}

function trimmed(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, "") : String(Math.round(value));
}

/** US dollars per million tokens, short. */
export function price(dollars: number): string {
  if (dollars === 0) return "free";
  return `$${dollars < 1 ? dollars.toFixed(2) : trimmed(dollars)}`;
}

export function clock(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { timeStyle: "short" });
}

export function longDate(iso: string): string {
  return new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
