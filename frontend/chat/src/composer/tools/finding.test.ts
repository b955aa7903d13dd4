import { expect, test } from "vitest";

import { found, grouped } from "./finding.ts";

const PROMPTS = [
  { name: "summarise", server: "Notes" },
  { name: "greet", server: "Toolkit" },
  { name: "note_down", server: "Notes" },
  { name: "café", server: "Toolkit" },
];
const named = (query: string) =>
  found(PROMPTS, query, ({ name, server }) => [name, server]).map(({ name }) => name);

test("every word has to be found, and what begins with the first comes first", () => {
  expect(named("")).toEqual(["summarise", "greet", "note_down", "café"]);
  expect(named("  note")).toEqual(["note_down", "summarise"]);
  expect(named("notes summ")).toEqual(["summarise"]);
  expect(named("nothing")).toEqual([]);
});

test("accents and capitals do not matter", () => {
  expect(named("CAFE")).toEqual(["café"]);
  expect(named("grèet")).toEqual(["greet"]);
});

test("groups keep the order in which their first ones come", () => {
  expect(grouped(PROMPTS, ({ server }) => server)).toEqual([
    { key: "Notes", items: [PROMPTS[0], PROMPTS[2]] },
    { key: "Toolkit", items: [PROMPTS[1], PROMPTS[3]] },
  ]);
});
