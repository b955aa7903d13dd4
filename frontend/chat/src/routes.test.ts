import { expect, test } from "vitest";

import { routeOf, safeReturn } from "./routes.ts";

test("addresses lead to screens", () => {
  expect(routeOf("/")).toEqual({ name: "chat", id: null });
  expect(routeOf("/c/cnv_1")).toEqual({ name: "chat", id: "cnv_1" });
  expect(routeOf("/setup")).toEqual({ name: "setup" });
  expect(routeOf("/c/../etc")).toEqual({ name: "unknown" });
});

test("signing in never leads out of the app", () => {
  expect(safeReturn("/c/cnv_1")).toBe("/c/cnv_1");
  for (const elsewhere of [
    "//evil.example",
    "https://evil.example",
    "/setup",
    "javascript:x",
    null,
  ]) {
    expect(safeReturn(elsewhere)).toBe("/");
  }
});
