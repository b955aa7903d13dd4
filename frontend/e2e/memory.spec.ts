import { expect, type Page } from "@playwright/test";

import { test } from "./study.ts";

const list = (page: Page) => page.getByRole("list", { name: "What Parlor remembers" });

test("memories are added, seen elsewhere at once, and deleted one by one or all", async ({
  page,
  browser,
  study,
}) => {
  await page.goto("/settings/memory");
  await expect(page.getByText("Nothing so far.")).toBeVisible();
  // A browser of its own: a tab behind another one is not listening.
  const context = await browser.newContext({
    baseURL: study.household.url,
    storageState: study.household.signedIn,
  });
  const other = await context.newPage();
  await other.goto("/settings/memory");
  await expect(other.getByText("Nothing so far.")).toBeVisible();

  const dialog = page.getByRole("dialog");
  for (const text of ["I eat no meat.", "My sister is <b>Vera</b>.", "I work on Thursdays."]) {
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await expect(dialog.getByRole("button", { name: "Remember it" })).toBeDisabled();
    await dialog.getByLabel("In a sentence").fill(text);
    await dialog.getByRole("button", { name: "Remember it" }).click();
    await expect(dialog).toBeHidden();
  }
  await expect(list(page).getByRole("listitem")).toHaveCount(3);
  await expect(list(page)).toContainText("My sister is <b>Vera</b>.");
  await expect(list(other).getByRole("listitem")).toHaveCount(3);

  await page.getByRole("button", { name: "Forget “I eat no meat.”" }).click();
  await dialog.getByRole("button", { name: "Keep" }).click();
  await expect(list(page).getByRole("listitem")).toHaveCount(3);
  await page.getByRole("button", { name: "Forget “I eat no meat.”" }).click();
  await dialog.getByRole("button", { name: "Forget" }).click();
  await expect(list(other).getByRole("listitem")).toHaveCount(2);

  await page.getByRole("button", { name: "Forget everything" }).click();
  await expect(dialog).toContainText("2 things");
  await dialog.getByRole("button", { name: "Forget everything" }).click();
  await expect(page.getByText("Nothing so far.")).toBeVisible();
  await expect(other.getByText("Nothing so far.")).toBeVisible();
  await context.close();
});

test("P5 what a model remembers is asked for and says where it comes from", async ({
  chat,
  study,
}) => {
  const text = "Anna's birthday is in May.";
  study.upstream.answer = {
    text: "I will.",
    calls: [{ name: "remember", arguments: JSON.stringify({ text }) }],
  };
  await chat.open();
  await chat.ask("Remember my birthday, it is in May");
  await chat.page.getByRole("button", { name: "Allow once" }).click();
  await chat.answered();
  const { pathname } = new URL(chat.page.url());
  study.upstream.answer = { text: "Yes." };

  await chat.page.goto("/settings/memory");
  const memory = list(chat.page).getByRole("listitem");
  await expect(memory).toContainText(text);
  await expect(memory).toContainText("From a conversation");
  await memory.getByRole("link", { name: /^Where/ }).click();
  await expect(chat.page).toHaveURL(new RegExp(`${pathname}$`));
  await study.household.ask("DELETE", "/api/memories");
});

test("remembering is switched off for oneself, and on again", async ({ page }) => {
  await page.goto("/settings/memory");
  const may = page.getByRole("combobox", { name: "Remember new things" });
  await expect(may).toHaveValue("ask");
  await may.selectOption("Never");
  const use = page.getByRole("switch", { name: "Use it in answers" });
  await use.click();
  await expect(page.getByText("Models are not told what stands below.")).toBeVisible();
  await page.reload();
  await expect(may).toHaveValue("deny");
  await expect(use).not.toBeChecked();
  await use.click();
  await expect(use).toBeChecked();
  await may.selectOption("Ask me each time");
  await expect(may).toHaveValue("ask");
});
