import { expect, test } from "vitest";

import { codesLeft, recoveryText } from "./recovery.ts";

test("few recovery codes are worth a word", () => {
  expect(codesLeft(10)).toEqual({ words: "10 recovery codes are left.", few: false });
  expect(codesLeft(1)).toEqual({ words: "1 recovery code is left.", few: true });
  expect(codesLeft(0)).toEqual({ words: "No recovery code is left.", few: true });
});

test("kept recovery codes say whose they are and how they are used", () => {
  const text = recoveryText(["aaaa-bbbb", "cccc-dddd"], "Anna");
  expect(text).toContain("Anna");
  expect(text.endsWith("\n\naaaa-bbbb\ncccc-dddd\n")).toBe(true);
});
