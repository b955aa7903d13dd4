import { expect, test } from "vitest";

import { contentOf, fieldsOf, pageOf } from "./form.ts";

const FORM = {
  type: "object",
  properties: {
    drink: { type: "string", title: "Drink", minLength: 1, maxLength: 40 },
    cups: { type: "integer", default: 2, minimum: 1, maximum: 12 },
    sugar: { type: "number" },
    hot: { type: "boolean", default: true },
    size: { type: "string", enum: ["s", "l"], enumNames: ["Small", "Large"] },
    extras: { type: "array", items: { anyOf: [{ const: "milk", title: "Milk" }] } },
    mail: { type: "string", format: "email" },
    when: { type: "string", format: "date-time" },
  },
  required: ["drink", "size"],
};

test("a flat schema becomes fields with their kinds, limits and marks", () => {
  const fields = fieldsOf(FORM);
  expect(fields.map(({ name, kind, input, required }) => [name, kind, input, required])).toEqual([
    ["drink", "text", "text", true],
    ["cups", "integer", "number", false],
    ["sugar", "number", "number", false],
    ["hot", "boolean", "text", false],
    ["size", "one", "text", true],
    ["extras", "many", "text", false],
    ["mail", "text", "email", false],
    ["when", "text", "datetime-local", false],
  ]);
  expect(fields[1]).toMatchObject({ label: "cups", initial: "2", min: 1, max: 12 });
  expect(fields[4]?.options).toEqual([
    { value: "s", label: "Small" },
    { value: "l", label: "Large" },
  ]);
  expect(fields[5]?.options).toEqual([{ value: "milk", label: "Milk" }]);
});

test("what was typed becomes values of the right types, and what is empty is left out", () => {
  const typed = { drink: "tea", sugar: "1.5", size: "l", extras: ["milk"], mail: "" };
  expect(contentOf(fieldsOf(FORM), typed)).toEqual({
    drink: "tea",
    cups: 2,
    sugar: 1.5,
    hot: true,
    size: "l",
    extras: ["milk"],
  });
});

test("nonsense is no form, and no reason to fail", () => {
  for (const form of [null, [], "x", { properties: 1 }]) expect(fieldsOf(form)).toEqual([]);
  expect(fieldsOf({ properties: { a: null } })[0]).toMatchObject({ name: "a", kind: "text" });
  expect(fieldsOf({ properties: { a: { pattern: "(" } } })[0]?.pattern).toBeUndefined();
});

test("only web pages are opened", () => {
  expect(pageOf("https://bank.example/pay?x=1")?.host).toBe("bank.example");
  expect(pageOf("javascript:alert(1)")).toBeNull();
  expect(pageOf("nothing")).toBeNull();
});
