import type { ToolServer } from "@parlor/shared/api/types.ts";
import { expect, test } from "vitest";

import { changesOf, scopesAsked, signInWords, stateWords } from "./words.ts";

const SERVER: ToolServer = {
  id: "notes",
  name: "Notes",
  url: null,
  source: "file",
  state: "failed",
  reason: "nobody answers there",
  since: "2026-11-21T09:50:00Z",
  connected: false,
  signed_in: false,
  enabled: true,
  tool_count: 0,
  tools: [],
  disabled_tools: [],
};
const NOW = Date.parse("2026-11-21T10:00:00Z");

test("a server says how it is, since when, and why", () => {
  expect(stateWords(SERVER, NOW)).toMatch(/^Not reachable since .*\. Nobody answers there\.$/);
  expect(stateWords({ ...SERVER, state: "ready", tool_count: 3 }, NOW)).toMatch(
    /^Ready since .*\. 3 tools\.$/,
  );
  expect(stateWords({ ...SERVER, enabled: false }, NOW)).toMatch(/^Switched off since .*\.$/);
});

test("what a sign-in asks for is read from its address, each thing once", () => {
  expect(scopesAsked("https://id.example/go?scope=mail.read%20mail.send+mail.read")).toEqual([
    "mail.read",
    "mail.send",
  ]);
  expect(scopesAsked("https://id.example/go")).toEqual([]);
});

test("only known ends of a sign-in have words of their own", () => {
  expect(signInWords("")).toBe("");
  expect(signInWords("done")).toContain("Signed in");
  expect(signInWords("constructor")).toBe(signInWords("<b>anything</b>"));
});

test("a change of a tool names the parts that are not the same any more", () => {
  const words = {
    title: "Add",
    description: "Adds.",
    input_schema: {},
    output_schema: null,
    hints: {},
  };
  expect(changesOf(words, words)).toEqual([]);
  expect(changesOf(words, { ...words, description: "Adds and mails." })).toEqual([
    { what: "Description", approved: "Adds.", now: "Adds and mails." },
  ]);
});
