import { expect, test } from "vitest";

import { generatedPassword, stillShort } from "./passwords.ts";

test("a made password can be read from paper and is never the same", () => {
  const made = Array.from({ length: 200 }, generatedPassword);
  for (const password of made) {
    expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
  }
  expect(new Set(made).size).toBe(200);
});

test("a short password says how much is missing", () => {
  expect(stillShort("")).toBe("");
  expect(stillShort("short")).toBe("3 more to go.");
  expect(stillShort("long enough")).toBe("");
});
