import { expect, test } from "vitest";

import { difference } from "./diff.ts";

test("a word that was put in is new, and one that was taken out is gone", () => {
  expect(difference("Reads your mail.", "Reads and sends your mail.")).toEqual([
    { kind: "same", text: "Reads " },
    { kind: "new", text: "and sends " },
    { kind: "same", text: "your mail." },
  ]);
  expect(difference("a b c", "a c")).toEqual([
    { kind: "same", text: "a " },
    { kind: "gone", text: "b " },
    { kind: "same", text: "c" },
  ]);
});

test("both texts can be read out of their difference", () => {
  const texts = [
    "",
    "one",
    "one two three",
    "three two one",
    "two  spaces\n\nand lines",
    "x ".repeat(2000),
  ];
  for (const before of texts) {
    for (const now of texts) {
      const pieces = difference(before, now);
      const read = (kind: string) =>
        pieces
          .filter((piece) => piece.kind !== kind)
          .map((piece) => piece.text)
          .join("");
      expect(read("new")).toBe(before);
      expect(read("gone")).toBe(now);
    }
  }
});
