/** What somebody may use, as it stands in a form: every rule can be off. */
import type { Hours, Limits } from "@parlor/shared/api/types.ts";

export interface LimitsDraft {
  onlySomeModels: boolean;
  models: string[];
  onlySomeTools: boolean;
  tools: string[];
  onlySomeHours: boolean;
  hours: Hours[];
  capped: boolean;
  /** As typed, in dollars. */
  dollars: string;
}

export type Judged = { limits: Limits; problem: null } | { limits: null; problem: string };

const FIRST_HOURS: Hours = { start: "07:00", end: "20:00" };
const FIRST_DOLLARS = "0.50";
const MOST_DOLLARS = 10_000;

export function draftOf(limits: Limits): LimitsDraft {
  return {
    onlySomeModels: limits.models !== null,
    models: [...(limits.models ?? [])],
    onlySomeTools: limits.tools !== null,
    tools: [...(limits.tools ?? [])],
    onlySomeHours: limits.hours !== null,
    hours: (limits.hours ?? [FIRST_HOURS]).map((one) => ({ ...one })),
    capped: limits.dollars_a_day !== null,
    dollars: limits.dollars_a_day === null ? FIRST_DOLLARS : amount(limits.dollars_a_day),
  };
}

/** What the form does not show (`before`) stays as it was. */
export function judged(draft: LimitsDraft, before: Limits): Judged {
  const dollars = dollarsOf(draft.dollars);
  if (draft.capped && dollars === null) {
    return refused("Give an amount of dollars between 0 and 10,000.");
  }
  if (draft.onlySomeHours && draft.hours.some((one) => one.start === "" || one.end === "")) {
    return refused("Give a time from and a time to.");
  }
  const limits: Limits = {
    ...before,
    models: draft.onlySomeModels ? [...draft.models] : null,
    tools: draft.onlySomeTools ? [...draft.tools] : null,
    hours: draft.onlySomeHours ? draft.hours.map((one) => ({ ...one })) : null,
    dollars_a_day: draft.capped ? dollars : null,
  };
  return { limits, problem: null };
}

function refused(problem: string): Judged {
  return { limits: null, problem };
}

/** Reads "0.50", "0,5" and "$1"; null for what is no amount. */
export function dollarsOf(text: string): number | null {
  const plain = text
    .trim()
    .replace(/^\$\s*/, "")
    .replace(",", ".");
  if (!/^\d{1,5}(\.\d{0,6})?$/.test(plain)) return null;
  const value = Number(plain);
  return value <= MOST_DOLLARS ? value : null;
}

function amount(dollars: number): string {
  return Number.isInteger(dollars * 100) ? dollars.toFixed(2) : String(dollars);
}

export interface Spending {
  readonly words: string;
  /** From 0 to 1; null without a cap. */
  readonly part: number | null;
}

export function spending(spent: number, cap: number | null): Spending {
  // Less than a cent is still not nothing.
  const today = spent > 0 && spent < 0.01 ? "less than $0.01" : `$${spent.toFixed(2)}`;
  if (cap === null) return { words: `Today: ${today}`, part: null };
  const part = cap === 0 ? 1 : Math.min(1, spent / cap);
  return { words: `Today: ${today} of $${amount(cap)}`, part };
}

/** One line on what holds somebody back, for the list of people. */
export function limitsWords(limits: Limits): string {
  const parts: string[] = [];
  if (limits.dollars_a_day !== null) parts.push(`$${amount(limits.dollars_a_day)} a day`);
  if (limits.hours !== null) parts.push(hoursWords(limits.hours));
  if (limits.models !== null) parts.push(counted(limits.models.length, "model"));
  if (limits.tools !== null) parts.push(counted(limits.tools.length, "tool"));
  return parts.join(", ");
}

function hoursWords(hours: readonly Hours[]): string {
  if (hours.length === 0) return "at no time";
  return hours.map(({ start, end }) => `${start}–${end}`).join(" and ");
}

function counted(count: number, what: string): string {
  if (count === 0) return `no ${what}s`;
  return `${String(count)} ${what}${count === 1 ? "" : "s"}`;
}
