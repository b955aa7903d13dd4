import { expect, test } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";
import { owned } from "./fixtures.ts";
import { Upstream } from "./upstream.ts";

const TURNS = 500;

/** About 4 kB, with all that costs something to draw. */
const ANSWER = [
  "## An answer of a usual kind",
  "It has **words** with *weight*, `code`, [links](https://example.org) and formulas: $a^2 + b^2$.",
  "```python\ndef f(x):\n    return x * 2  # and so on\n```",
  "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
  ...Array.from(
    { length: 12 },
    (_, n) => `- point ${String(n)}: ${"some words in a row ".repeat(8)}`,
  ),
  "And a last paragraph, as there always is. ".repeat(20),
].join("\n\n");

test("a conversation of 1,000 messages opens within a second and is smooth to type in", async ({
  browser,
}) => {
  test.setTimeout(180_000);
  const upstream = new Upstream(["plain"]);
  upstream.answer = { text: ANSWER, piece: 4000 };
  const appliance = await Appliance.start({ CHAT_LLM_API_BASE: await upstream.start() });
  const context = await browser.newContext({
    storageState: await owned(appliance),
    baseURL: appliance.url,
    viewport: { width: 1280, height: 800 },
  });
  const page = await context.newPage();
  const chat = new Chat(page);

  const headers = { origin: appliance.url };
  let id = "";
  for (let turn = 0; turn < TURNS; turn++) {
    const message = { role: "user", content: `question ${String(turn)}` };
    const data = { messages: [message], ...(id === "" ? {} : { conversation_id: id }) };
    const response = await page.request.post("/api/chat/stream", { data, headers });
    expect(response.status()).toBe(200);
    id ||= /"conversation_id":"([^"]+)"/.exec(await response.text())?.[1] ?? "";
  }

  await chat.open();
  const link = page.locator(`a[href="/c/${id}"]`);
  await expect(link).toBeVisible();
  await page.evaluate(() => {
    const slow: number[] = [];
    Object.assign(window, { slow });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) slow.push(Math.round(entry.duration));
    }).observe({ type: "longtask" });
  });
  // Timed in the page, frame by frame: the test runner looks too seldom to tell.
  const opened = await link.evaluate(
    (element: HTMLElement) =>
      new Promise<number>((resolve) => {
        const begun = performance.now();
        const look = () => {
          const scroller = document.querySelector(".scroller");
          const drawn = document.querySelector("article:last-of-type table") !== null;
          const gap = scroller
            ? scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight
            : Infinity;
          if (drawn && gap < 2) resolve(Math.round(performance.now() - begun));
          else requestAnimationFrame(look);
        };
        element.click();
        look();
      }),
  );
  await expect(chat.answers.last().getByRole("button", { name: "Copy answer" })).toBeInViewport();
  await expect(chat.answers).toHaveCount(TURNS);
  await expect(chat.questions.last()).toContainText(`question ${String(TURNS - 1)}`);

  const takeSlow = () =>
    page.evaluate(() => (window as unknown as { slow: number[] }).slow.splice(0));
  const whileOpening = await takeSlow();
  await chat.field.pressSequentially("a sentence typed letter by letter", { delay: 10 });
  const whileTyping = await takeSlow();

  // The first message can be reached, and is drawn in full there.
  await page.locator(".scroller").evaluate((element) => element.scrollTo(0, 0));
  await expect(chat.questions.first()).toBeInViewport();
  await expect(chat.answers.first().getByRole("table")).toBeVisible();
  const whileScrolling = await takeSlow();
  console.log({ opened, whileOpening, whileTyping, whileScrolling });

  expect(opened).toBeLessThan(1000);
  expect(Math.max(0, ...whileTyping)).toBeLessThan(100);
  await context.close();
  await appliance.stop();
  upstream.stop();
});
