import { expect, test } from "vitest";

import { wantedWords } from "./surfaces.ts";

const SERVERS = [
  { id: "notes", name: "Notes" },
  { id: "weather", name: "Weather" },
];

test("the servers of a surface are named, and those that are gone are not", () => {
  expect(wantedWords(null, SERVERS)).toBe("All servers");
  expect(wantedWords([], SERVERS)).toBe("No server");
  expect(wantedWords(["weather", "gone", "notes"], SERVERS)).toBe("Notes, Weather");
});
