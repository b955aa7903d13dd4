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

test("what is heard late does not undo what was heard after it", async ({ chat }) => {
  const { page } = chat;
  await chat.open();
  await chat.askAndWait("hello");
  for (const place of ["2/2", "3/3"]) {
    await chat.answers.last().getByRole("button", { name: "Regenerate" }).click();
    await chat.answered();
    await expect(chat.answers.last().getByText(place)).toBeVisible();
  }
  const answers = (await chat.stored()).filter((message) => message.role === "assistant");
  const path = `/api/conversations/${chat.conversationId}`;
  const choose = (place: number) =>
    page.request.patch(path, {
      data: { leaf_id: answers[place]?.id },
      headers: { origin: new URL(page.url()).origin },
    });
  let release = () => {};
  const late = new Promise<void>((resolve) => (release = resolve));
  const reading = page.waitForRequest(`**${path}`);
  await page.route(
    `**${path}`,
    async (route) => {
      const response = await route.fetch();
      await late;
      await route.fulfill({ response });
    },
    { times: 1 },
  );
  await choose(0);
  await (await reading).allHeaders();
  await choose(1);
  await expect(chat.answers.last().getByText("2/3")).toBeVisible();
  release();
  await page.unrouteAll({ behavior: "wait" });
  await page.getByRole("button", { name: "Actions for this conversation" }).click();
  await expect(chat.answers.last().getByText("2/3")).toBeVisible();
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
