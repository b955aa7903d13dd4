import type { ApiError } from "@parlor/shared/api/errors.ts";

const LIMITS = new Set([
  "model_not_allowed",
  "outside_hours",
  "daily_budget_reached",
  "product_not_allowed",
  "agent_not_allowed",
]);

/** Refused because of what this person may use: trying again at once does not help. */
export function isLimit(refusal: ApiError): boolean {
  return LIMITS.has(refusal.code);
}
