import { expect, test } from "vitest";

import { digitsOf } from "./digits.ts";

test("a code is read from however it was typed or pasted", () => {
  expect(digitsOf("123 456", 6)).toBe("123456");
  expect(digitsOf("Your code: 123-456.", 6)).toBe("123456");
  expect(digitsOf("１２３４５６", 6)).toBe("123456");
  expect(digitsOf("12345678", 6)).toBe("123456");
  expect(digitsOf("abc", 6)).toBe("");
});
