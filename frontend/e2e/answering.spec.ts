import { plain } from "./chat.ts";
import { expect, test } from "./fixtures.ts";

test("an answer goes on after reloads in its middle, with no gap and nothing twice", async ({
  chat,
}) => {
  await chat.open();
  await chat.ask("a long story please");
  for (const words of ["year", "January", "February"]) {
    await expect(chat.answers.last()).toContainText(words, { timeout: 20_000 });
    await chat.page.reload();
    await expect(chat.stopButton).toBeVisible();
    await expect(chat.answers.last()).toContainText(words);
  }
  await chat.answered();
  const stored = await chat.storedText();
  expect(stored.length).toBeGreaterThan(4000);
  expect(plain(await chat.shownText())).toBe(plain(stored));
  await expect(chat.answers).toHaveCount(1);
  await expect(chat.questions).toHaveCount(1);
});

test("two windows of one conversation stay in step", async ({ chat, secondChat }) => {
  await chat.open();
  await chat.askAndWait("hello there");
  await secondChat.open(`/c/${chat.conversationId}`);
  await expect(secondChat.answers).toHaveCount(1);

  await chat.ask("and now something long");
  await expect(secondChat.questions).toHaveCount(2);
  await expect(secondChat.answers.last()).toContainText("January", { timeout: 20_000 });

  // Stopped over there, stopped here.
  await secondChat.stopButton.click();
  await chat.answered();
  await secondChat.answered();
  await expect(chat.answers.last()).toContainText("You stopped this answer.");
  await expect(secondChat.answers.last()).toContainText("You stopped this answer.");
  expect(await secondChat.shownText()).toBe(await chat.shownText());
  expect(plain(await chat.shownText())).toBe(plain(await chat.storedText()));
});

test("what stands on the screen when Stop is pressed is kept and can be continued", async ({
  chat,
}) => {
  await chat.open();
  await chat.ask("a long one");
  await expect(chat.answers.last()).toContainText("January", { timeout: 20_000 });
  await chat.page.keyboard.press("Escape");
  await chat.answered();
  const before = await chat.shownText();
  expect(plain(await chat.storedText())).toBe(plain(before));

  await chat.page.getByRole("button", { name: "Continue" }).click();
  await chat.answered();
  const after = await chat.shownText();
  expect(plain(after).startsWith(plain(before))).toBe(true);
  expect(after.length).toBeGreaterThan(before.length);
  await expect(chat.answers).toHaveCount(1);
  expect(plain(await chat.storedText())).toBe(plain(after));
});

test("an error is told, keeps the text and can be tried again beside it", async ({ chat }) => {
  await chat.open();
  await chat.ask("please fail");
  await expect(chat.answers.last().getByRole("alert")).toBeVisible({ timeout: 10_000 });
  const kept = plain(await chat.shownText());
  expect(kept).not.toBe("");
  await chat.page.getByRole("button", { name: "Try again" }).click();
  await chat.answered();
  await expect(chat.answers.last().getByText("2/2")).toBeVisible();
  await chat.page.getByRole("button", { name: "Version before" }).click();
  await expect(chat.answers.last().getByText("1/2")).toBeVisible();
  expect(plain(await chat.shownText())).toBe(kept);
});

test("reasoning is folded and says how long it took", async ({ chat }) => {
  await chat.open();
  await chat.ask("please think about it");
  await expect(chat.page.getByRole("button", { name: /^Thinking…/ })).toBeVisible();
  await chat.answered();
  const fold = chat.page.getByRole("button", { name: /^Thought for \d+ s/ });
  await expect(fold).toHaveAttribute("aria-expanded", "false");
  await fold.click();
  await expect(chat.page.getByText("The tempting answer")).toBeVisible();
  await chat.page.reload();
  await expect(chat.page.getByRole("button", { name: "Thoughts" })).toBeVisible();
});

test("tools show what they were asked and what they said", async ({ chat }) => {
  await chat.open();
  await chat.ask("use a tool");
  const echo = chat.page.getByRole("button", { name: /^Demo echo/ });
  await expect(echo).toContainText("Done", { timeout: 10_000 });
  await echo.click();
  await expect(chat.answers.last()).toContainText("demo_echo");
  await chat.answered();
  await expect(chat.page.getByRole("button", { name: /^Demo wait/ })).toContainText("Done");
});

test("text typed while an answer runs stays in the field, through a reload", async ({ chat }) => {
  await chat.open();
  await chat.ask("something long");
  await expect(chat.answers.last()).toContainText("year", { timeout: 20_000 });
  await chat.field.fill("next thought");
  await chat.field.press("Enter");
  await expect(chat.field).toHaveValue("next thought");
  await chat.stopButton.click();
  await chat.answered();
  await chat.page.reload();
  await expect(chat.field).toHaveValue("next thought");
  await expect(chat.questions).toHaveCount(1);
});

test("a draft survives a reload and belongs to its conversation", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("hello");
  await chat.field.fill("half a thought");
  await chat.page.getByRole("button", { name: "New chat" }).first().click();
  await expect(chat.field).toHaveValue("");
  await chat.page.goBack();
  await expect(chat.field).toHaveValue("half a thought");
  await chat.page.reload();
  await expect(chat.field).toHaveValue("half a thought");
});

test("an empty answer says so", async ({ chat }) => {
  await chat.open();
  await chat.ask("empty please");
  await expect(chat.answers.last()).toContainText(/said nothing|empty/i, { timeout: 10_000 });
  await expect(
    chat.page.getByRole("button", { name: /Regenerate|Try again/ }).first(),
  ).toBeVisible();
});
