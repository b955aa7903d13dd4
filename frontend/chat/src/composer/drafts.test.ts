import { expect, test } from "vitest";

import { MOST, together } from "./drafts.ts";

const one = (uri: string) => ({
  server_id: "shelf",
  server: "Bookshelf",
  uri,
  title: uri,
  mime_type: "text/plain",
  text: "",
});

test("what comes back to the field stands there once, and no more than can be sent", () => {
  const [a, b, c] = [one("a"), one("b"), one("c")];
  expect(together([a, b], [b, c])).toEqual([a, b, c]);
  expect(together([], [a])).toEqual([a]);
  const many = Array.from({ length: MOST }, (_, number) => one(String(number)));
  expect(together(many, [a])).toEqual(many);
});
