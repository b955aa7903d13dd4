import { expect, test } from "vitest";

import { deceives, safeLink } from "./links.ts";

test.each([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " \u0001javascript:alert(1)",
  "java\tscript:alert(1)",
  "java\nscript:alert(1)",
  "\u0000javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "blob:https://example.org/1",
  "file:///etc/passwd",
  "view-source:https://example.org",
  "intent://scan/#Intent;end",
  "/api/auth/logout",
  "//evil.example/x",
  "#code=1",
  "https://",
  "https://user:secret@bank.example/",
])("%j never becomes a link", (address) => {
  expect(safeLink(address)).toBeNull();
});

test.each([
  ["https://example.org/a?b=1", "https://example.org/a?b=1"],
  ["HTTP://Example.ORG", "http://example.org/"],
  ["mailto:anna@example.org", "mailto:anna@example.org"],
  ["tel:+4712345678", "tel:+4712345678"],
])("%j becomes %j", (address, href) => {
  expect(safeLink(address)?.href).toBe(href);
});

test("an address that carries much away says how much and where to", () => {
  const link = safeLink(`https://evil.example/?q=${"x".repeat(300)}`);
  expect(link).toMatchObject({ host: "evil.example", carries: 303 });
  expect(safeLink("https://example.org/?q=short")?.carries).toBe(0);
});

test("words that name another host than the link's are found out", () => {
  expect(deceives("https://bank.example/login", "evil.example")).toBe(true);
  expect(deceives("bank.example", "evil.example")).toBe(true);
  expect(deceives("www.bank.example/login", "bank.example")).toBe(false);
  expect(deceives("the guide", "evil.example")).toBe(false);
});
