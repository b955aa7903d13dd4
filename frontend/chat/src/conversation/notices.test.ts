import { expect, test } from "vitest";

import { worthReading } from "./notices.ts";

const again = (detail: string) => ({ code: "retrying", detail });
const TOOLS = { code: "tools_unsupported", detail: "This model takes no tools." };

test("while it runs, the latest attempt is told and the earlier ones are not", () => {
  const notices = [TOOLS, again("Trying again now."), again("Trying again in 2 s.")];
  expect(worthReading(notices, true)).toEqual([TOOLS, again("Trying again in 2 s.")]);
});

test("an answer that has ended speaks of no attempt any more, but of everything else", () => {
  expect(worthReading([again("Trying again now."), TOOLS], false)).toEqual([TOOLS]);
});
