/** Field notes 3.1, X1: nothing in an answer becomes script, at whatever point of it. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { guarded, leaving, Recorded, stateOf } from "./guards.ts";
import { answersOf, CUT_SHORT, PAYLOADS, SEEDS, UNCLOSED } from "./payloads.ts";
import { expect, IMAGE, survives, test } from "./victim.ts";

const END = "The end.";

const GROWING = {
  [`${String(SEEDS.length)} payloads letter by letter`]: {
    piece: 1,
    texts: SEEDS,
    between: "\n\n",
  },
  "payloads in places of an answer, by three letters": {
    piece: 3,
    texts: PAYLOADS.filter((_, at) => at % 3 === 0),
    between: "\n\n",
  },
  [`${String(PAYLOADS.length)} payloads in every place, by seven letters`]: {
    piece: 7,
    texts: PAYLOADS,
    between: "\n\n",
  },
  "payloads that are never closed and run on into the next": {
    piece: 3,
    texts: UNCLOSED,
    between: " ",
  },
};

for (const [name, { piece, texts, between }] of Object.entries(GROWING)) {
  test(`X1 ${name}: no script runs, nothing is asked for`, async ({ victim, nasty }) => {
    test.setTimeout(120_000);
    for (const text of answersOf(texts, between)) {
      await survives(victim, nasty.upstream, { text: `${text}\n\n${END}`, piece });
    }
  });
}

test("X1 an answer that ends in the middle of a payload is words", async ({ victim, nasty }) => {
  for (const text of CUT_SHORT) await survives(victim, nasty.upstream, { text, piece: 1 });
});

test("X1 the guards see what a page without protection does", async ({
  playwright,
  launchOptions,
}) => {
  const recorded = await Recorded.launch(playwright.chromium, launchOptions);
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<body>${IMAGE}<a href=javascript:1>x</a><img src=http://seen.invalid/x>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const context = await recorded.browser.newContext();
  await guarded(context);
  const page = await context.newPage();
  const left = await leaving(context, page);
  await page.goto(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  await expect.poll(() => page.evaluate("window.hacked")).toBe(1);
  const { found } = await stateOf(page);
  expect(found).toEqual(expect.arrayContaining([expect.stringContaining("onerror")]));
  expect(found.join()).toContain("javascript:1");
  expect(left).toContain("http://seen.invalid/x");
  expect(await recorded.names()).toContain("seen.invalid");
  server.close();
});
