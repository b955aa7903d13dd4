import { expect, test } from "./fixtures.ts";

test("an edited message becomes a branch; both can be read again", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("first question");
  await chat.askAndWait("second question");
  await chat.questions.first().hover();
  await chat.questions.first().getByRole("button", { name: "Edit message" }).click();
  const editor = chat.page.getByRole("textbox", { name: "Edit message" });
  await editor.fill("first question, put better");
  await editor.press("Control+Enter");
  await expect(chat.questions).toHaveCount(1);
  await expect(chat.questions.first()).toContainText("put better");
  await chat.answered();

  const versions = chat.questions.first().getByRole("group", { name: "Versions of this message" });
  await expect(versions).toContainText("2/2");
  await chat.questions.first().hover();
  await versions.getByRole("button", { name: "Version before" }).click();
  await expect(chat.questions).toHaveCount(2);
  await expect(chat.questions.last()).toContainText("second question");

  // The choice is kept, here and elsewhere.
  await chat.page.reload();
  await expect(chat.questions).toHaveCount(2);
});

test("a regenerated answer stands beside the old one", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("hello");
  await chat.answers.last().getByRole("button", { name: "Regenerate" }).click();
  await chat.answered();
  await expect(chat.answers).toHaveCount(1);
  await expect(chat.answers.last().getByText("2/2")).toBeVisible();
  const stored = await chat.stored();
  expect(stored.filter((message) => message.role === "assistant")).toHaveLength(2);
});

test("a deleted message takes what follows it along", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("first");
  await chat.askAndWait("second");
  await chat.questions.last().hover();
  await chat.questions.last().getByRole("button", { name: "Delete message" }).click();
  await chat.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(chat.questions).toHaveCount(1);
  await expect(chat.answers).toHaveCount(1);
  expect(await chat.stored()).toHaveLength(2);
});
