import { expect, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat, plain } from "./chat.ts";
import { owned } from "./fixtures.ts";

/** A Parlor of its own for each test: it is going to be killed. */
const test = base.extend<{ appliance: Appliance; chat: Chat }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
  appliance: async ({}, use) => {
    const appliance = await Appliance.start();
    await use(appliance);
    await appliance.stop();
  },
  baseURL: async ({ appliance }, use) => use(appliance.url),
  storageState: async ({ appliance }, use) => use(await owned(appliance)),
  chat: async ({ page }, use) => use(new Chat(page)),
});

const UNREACHABLE = "Parlor can’t be reached. Trying again…";

test("a server that dies in the middle of an answer loses no word that was shown", async ({
  appliance,
  chat,
}) => {
  await chat.open();
  await chat.ask("a long story");
  await expect(chat.answers.last()).toContainText("January", { timeout: 20_000 });
  await appliance.kill();
  await expect(chat.page.getByText(UNREACHABLE)).toBeVisible({ timeout: 10_000 });
  const shown = plain((await chat.shownText()).replace(/Connection lost.*$/s, ""));
  await appliance.startAgain();
  await expect(chat.answers.last()).toContainText("interrupted", { timeout: 20_000 });
  await expect(chat.page.getByText(UNREACHABLE)).toBeHidden();
  const stored = plain(await chat.storedText());
  expect(plain(await chat.shownText())).toBe(stored);
  // What came in the last moments before a power cut may be gone: 250 ms are promised, not 0.
  expect(stored.length).toBeGreaterThan(shown.length - 200);

  await chat.page.getByRole("button", { name: "Continue" }).click();
  await chat.answered();
  expect(plain(await chat.shownText()).startsWith(stored)).toBe(true);
});

test("without a network nothing is lost, and the answer goes on afterwards", async ({
  chat,
  context,
}) => {
  await chat.open();
  await chat.ask("a long story");
  await expect(chat.answers.last()).toContainText("January", { timeout: 20_000 });
  await context.setOffline(true);
  await expect(chat.page.getByText("You are offline.")).toBeVisible();
  await chat.field.fill("typed in the tunnel");
  await context.setOffline(false);
  await expect(chat.page.getByText("You are offline.")).toBeHidden();
  await expect(chat.answers.last()).toContainText("April", { timeout: 20_000 });
  await chat.page.getByRole("button", { name: "Stop" }).click();
  await chat.answered();
  expect(plain(await chat.shownText())).toBe(plain(await chat.storedText()));
  await expect(chat.field).toHaveValue("typed in the tunnel");
});

test("a message that nobody took is kept, and sent once when tried again", async ({
  appliance,
  chat,
}) => {
  await chat.open();
  await chat.askAndWait("hello");
  await appliance.kill();
  await chat.ask("are you there?");
  const alert = chat.page.getByRole("alert");
  await expect(alert).toContainText("Not sent.", { timeout: 20_000 });
  await appliance.startAgain();
  await alert.getByRole("button", { name: "Try again" }).click();
  await chat.answered();
  const questions = (await chat.stored()).filter((message) => message.role === "user");
  expect(questions).toHaveLength(2);
});

test("words sent into a turn that another window began come back with the reason", async ({
  browser,
  chat,
  appliance,
}) => {
  await chat.open();
  await chat.askAndWait("hello");
  const context = await browser.newContext({
    baseURL: appliance.url,
    storageState: await chat.page.context().storageState(),
  });
  // This window hears of nothing.
  await context.route("**/api/events", (route) => route.abort());
  const deaf = new Chat(await context.newPage());
  await deaf.open(`/c/${chat.conversationId}`);
  await expect(deaf.answers).toHaveCount(1);

  await chat.ask("a long story");
  await expect(chat.answers.last()).toContainText("year", { timeout: 20_000 });
  await deaf.field.fill("me too");
  await deaf.field.press("Enter");
  await expect(deaf.field).toHaveValue("me too");
  await expect(deaf.questions.last()).toContainText("a long story");
  await expect(deaf.answers).toHaveCount(2);
  await deaf.stopButton.click();
  await deaf.answered();
  await context.close();
});
