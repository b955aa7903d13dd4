/** How Parlor is, in words: moments in the zone of whoever reads. */
import type { System, SystemCheck, SystemDuty } from "@parlor/shared/api/types.ts";
import { agoWords, daysBetween } from "@parlor/shared/words/times.ts";

/** From here on "so many days ago" says less than the date. */
const LONG_AGO = 14;

/** "21 Nov 2026, 03:00 CET". */
export function momentWords(iso: string): string {
  return new Date(iso).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
}

export function whenWords(iso: string, now: number): string {
  const ahead = Date.parse(iso) > now;
  if (ahead || daysBetween(Date.parse(iso), now) >= LONG_AGO) return `on ${momentWords(iso)}`;
  return `${agoWords(iso, now)} (${momentWords(iso)})`;
}

export function sizeWords(bytes: number): string {
  const units = ["kB", "MB", "GB", "TB"];
  let amount = bytes;
  let unit = "bytes";
  for (const larger of units) {
    if (amount < 1000) break;
    amount /= 1000;
    unit = larger;
  }
  return `${amount.toFixed(amount >= 10 || unit === "bytes" ? 0 : 1)} ${unit}`;
}

/** In a sentence of its own, for the top of the page. */
export function summaryWords(checks: readonly SystemCheck[]): string {
  const ill = checks.filter((check) => check.state === "attention").length;
  if (ill === 0) return "Everything is in order.";
  return ill === 1 ? "One thing needs attention." : `${String(ill)} things need attention.`;
}

export interface Group {
  readonly title: string;
  readonly checks: readonly SystemCheck[];
}

/** What needs attention first; groups without anything in them are left out. */
export function grouped(checks: readonly SystemCheck[]): Group[] {
  const groups = [
    { title: "What to do", state: "attention" },
    { title: "In order", state: "ok" },
    { title: "Not set up", state: "off" },
  ] as const;
  return groups
    .map(({ title, state }) => ({ title, checks: checks.filter((one) => one.state === state) }))
    .filter((group) => group.checks.length > 0);
}

/** What is known of a check beside the server's words: when it was done, or until when it is good. */
export function timeWords(check: SystemCheck, system: System, now: number): string {
  if (check.id === "certificate" && system.certificate !== null) {
    const { ends_at } = system.certificate;
    return `${Date.parse(ends_at) < now ? "It ended" : "It ends"} ${whenWords(ends_at, now)}.`;
  }
  if (check.state === "off") return "";
  if (check.id === "backup") return dutyWords("Made", system.backup.last, now);
  if (check.id === "copy") return dutyWords("Copied", system.backup.copy, now);
  if (check.id === "rehearsal") return dutyWords("Tried", system.backup.rehearsal, now);
  return "";
}

function dutyWords(done: string, duty: SystemDuty | null, now: number): string {
  if (duty === null) return "";
  if (duty.ok) return `${done} ${whenWords(duty.at, now)}.`;
  const since =
    duty.good_at === null
      ? "It has never gone well so far."
      : `It last went well ${whenWords(duty.good_at, now)}.`;
  return `Tried ${whenWords(duty.at, now)}. ${since}`;
}

/** Which tool server a check is about. */
export function serverOf(check: SystemCheck): string | null {
  return /^tools\/([\w-]{1,100})$/.exec(check.id)?.[1] ?? null;
}

/** Words and, between backticks, what is typed. */
export function spans(text: string): { words: string; typed: boolean }[] {
  return text
    .split("`")
    .map((words, index) => ({ words, typed: index % 2 === 1 }))
    .filter((span) => span.words !== "");
}
