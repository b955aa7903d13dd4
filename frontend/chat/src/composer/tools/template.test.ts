import { expect, test } from "vitest";

import { filled, gapsOf, isFilled, isNeeded } from "./template.ts";

test("the gaps of an address are asked for once each", () => {
  expect(gapsOf("notes://{folder}/{+path}{?lang,folder}")).toEqual(["folder", "path", "lang"]);
  expect(gapsOf("plain://nothing")).toEqual([]);
  expect(gapsOf("a://{list*}/{short:3}")).toEqual(["list", "short"]);
});

test("what stands in the path is needed, what stands in the query is not", () => {
  const template = "notes://{folder}{?lang}";
  expect(isNeeded(template, "folder")).toBe(true);
  expect(isNeeded(template, "lang")).toBe(false);
  expect(isFilled(template, { lang: "en", folder: " " })).toBe(false);
  expect(isFilled(template, { folder: "a" })).toBe(true);
});

test("values are written as the address wants them", () => {
  expect(filled("n://{a}", { a: "x y/ä" })).toBe("n://x%20y%2F%C3%A4");
  expect(filled("n://{+a}", { a: "x/y z" })).toBe("n://x/y%20z");
  expect(filled("n://h{/a,b}", { a: "1", b: "2" })).toBe("n://h/1/2");
  expect(filled("n://h{?a,b}", { b: "2&3" })).toBe("n://h?b=2%263");
  expect(filled("n://h?x=1{&a}", { a: "it's" })).toBe("n://h?x=1&a=it%27s");
  expect(filled("n://h{?a}", {})).toBe("n://h");
});
