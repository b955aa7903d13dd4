import { expect, test } from "vitest";

import { isInside, routeOf, safeReturn } from "./routes.ts";

test("addresses lead to screens", () => {
  expect(routeOf("/")).toEqual({ name: "chat", id: null });
  expect(routeOf("/c/cnv_1")).toEqual({ name: "chat", id: "cnv_1" });
  expect(routeOf("/c/cnv_1/")).toEqual({ name: "chat", id: "cnv_1" });
  expect(routeOf("/setup")).toEqual({ name: "setup" });
  expect(routeOf("/pair")).toEqual({ name: "pair" });
  expect(routeOf("/settings")).toEqual({ name: "settings", page: "account", id: null });
  expect(routeOf("/settings/log")).toEqual({ name: "settings", page: "log", id: null });
  expect(routeOf("/settings/system")).toEqual({ name: "settings", page: "system", id: null });
  expect(routeOf("/settings/people/usr_1")).toEqual({
    name: "settings",
    page: "people",
    id: "usr_1",
  });
});

test("what is no address of the app is none", () => {
  for (const path of [
    "/c/../etc",
    "/settings/secrets",
    "/settings/log/1",
    "/settings/tools/a/b",
    "/settings/people/a/b",
    "/constructor",
    "//",
  ]) {
    expect(routeOf(path), path).toEqual({ name: "unknown" });
  }
});

test("signing in never leads out of the app", () => {
  for (const inside of ["/c/cnv_1", "/settings/people/usr_1", "/settings/devices", "/pair"]) {
    expect(safeReturn(inside)).toBe(inside);
    expect(isInside(routeOf(inside))).toBe(true);
  }
  expect(isInside(routeOf("/authorize"))).toBe(true);
  const asking = "/authorize?client_id=a&state=b%26c";
  expect(safeReturn(asking)).toBe(asking);
  for (const elsewhere of [
    "/authorizes?x",
    "/authorize/../x",
    "//authorize?x",
    "https://evil.example/authorize?x",
    "//evil.example",
    "//evil.example/pair",
    "https://evil.example",
    "https://evil.example/pair",
    "/pair/..//evil.example",
    "/pair#code=1//evil.example",
    "/setup",
    "/login",
    "javascript:x",
    null,
  ]) {
    expect(safeReturn(elsewhere)).toBe("/");
  }
});
