import { expect, test } from "vitest";

import { scopeList, wayOut } from "./scopes.ts";

test("scopes have words, and unknown ones their own name", () => {
  expect(scopeList(["chat", "constructor"]).map(({ label }) => label)).toEqual([
    "Ask models as you",
    "constructor",
  ]);
});

test("an answer goes to web pages and programs, never into this page", () => {
  expect(wayOut("https://app.example/back?code=1")).toBe("https://app.example/back?code=1");
  expect(wayOut("http://127.0.0.1:5123/cb?code=1")).toBe("http://127.0.0.1:5123/cb?code=1");
  for (const harmful of [
    "http://app.example/back",
    "cursor://cb?code=1",
    "javascript:alert(1)",
    "JavaScript:1",
    "data:text/html,x",
    "/x",
    "",
  ]) {
    expect(wayOut(harmful), harmful).toBeNull();
  }
});
