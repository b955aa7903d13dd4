import { expect } from "@playwright/test";

import { Chat } from "./chat.ts";
import { Study, test } from "./study.ts";

test("a server is added by its address, and its tools ask before they run", async ({
  page,
  study,
}) => {
  await page.goto("/settings/tools");
  await page.getByRole("button", { name: "Add a server" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill(study.letterbox);
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await expect(dialog).toBeHidden({ timeout: 15_000 });
  const row = page.getByRole("link", { name: /Letterbox/i });
  await expect(row).toContainText("1 tool");
  await row.click();
  await expect(page.getByText(/^Added here/)).toContainText(study.letterbox);
  await expect(page.getByText("Not approved yet")).toBeVisible();
  await page.getByRole("button", { name: "Approve Read letters" }).click();
  await expect(page.getByText("Not approved yet")).toBeHidden();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page).toHaveURL(/\/settings\/tools$/);
  await expect(row).toBeHidden();
});

test("what another window changes is seen at once", async ({ page, study }) => {
  await page.goto("/settings/tools");
  const row = page.getByRole("link", { name: /Bookshelf/ });
  await expect(row).toContainText("Ready");
  await study.household.ask("PATCH", "/api/mcp/servers/shelf", { enabled: false });
  await expect(row).toContainText("Switched off");
  await study.household.ask("PATCH", "/api/mcp/servers/shelf", { enabled: true });
  await expect(row).toContainText("Ready");
});

test("where servers are used is chosen for each kind of screen", async ({ page }) => {
  await page.goto("/settings/tools");
  const where = page.getByRole("list", { name: "Where tools are used" });
  const displays = where.getByRole("listitem").filter({ hasText: "Displays" });
  await expect(displays).toContainText("All servers");
  const choose = async (way: string, shelf?: boolean) => {
    await page.getByRole("button", { name: "Choose for Displays" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio", { name: way }).check();
    if (shelf !== undefined) await dialog.getByLabel("Bookshelf").setChecked(shelf);
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toBeHidden();
  };
  await choose("Only these", false);
  await expect(displays).toContainText("No server");
  await page.reload();
  await expect(displays).toContainText("No server");
  await choose("Only these", true);
  await expect(displays).toContainText("Bookshelf");
  await choose("All servers");
  await expect(displays).toContainText("All servers");
});

test("Parlor’s own tools have their choices as well", async ({ page }) => {
  await page.goto("/settings/tools");
  const search = page
    .getByRole("list", { name: "Parlor’s own tools" })
    .getByRole("combobox", { name: "May Search chats run?" });
  await search.selectOption("Never");
  await expect(search).toHaveValue("deny");
  await page.reload();
  await expect(search).toHaveValue("deny");
  await search.selectOption("As usual");
  await expect(search).toHaveValue("");
});

test("M4 a tool wants a page opened: it is named first, and opened apart by the person", async ({
  chat,
  study,
}) => {
  study.upstream.answer = { text: "Borrowed.", calls: [{ name: "borrow", arguments: "{}" }] };
  await chat.open();
  await chat.ask("borrow a book");
  await chat.page.getByRole("button", { name: "Allow once" }).click();
  const question = chat.page.getByRole("region", { name: "Bookshelf asks you" });
  await expect(question).toContainText("Show your library card on our page.");
  await expect(question).toContainText(`${study.shelf.origin}/connect`);
  const [popup] = await Promise.all([
    chat.page.waitForEvent("popup"),
    question.getByRole("link", { name: /^Open 127\.0\.0\.1/ }).click(),
  ]);
  await expect(popup.getByRole("heading", { name: "Your library card" })).toBeVisible();
  expect(await popup.evaluate(() => window.opener === null)).toBe(true);
  await popup.close();
  await chat.answered();
  expect(study.upstream.heard.at(-1)).toContain("The page: accept");

  await chat.ask("once more");
  await chat.page.getByRole("button", { name: "Allow once" }).click();
  await question.getByRole("button", { name: "Decline" }).click();
  await chat.answered();
  expect(study.upstream.heard.at(-1)).toContain("The page: decline");
  study.upstream.answer = { text: "Yes." };
});

test("a no is still seen after a reload", async ({ chat, study }) => {
  study.upstream.answer = { text: "As you wish.", calls: [{ name: "borrow", arguments: "{}" }] };
  await chat.open();
  await chat.ask("borrow a book");
  await chat.page.getByRole("button", { name: "Don’t allow" }).click();
  await chat.answered();
  for (const again of [false, true]) {
    if (again) await chat.page.reload();
    await expect(chat.answers.last()).toContainText("Did not run");
    await expect(chat.answers.last()).toContainText("Not allowed");
  }
  await expect(chat.answers.last()).not.toContainText("Failed");
  study.upstream.answer = { text: "Yes." };
});

test("where there are too many tools to tell of, a card names the one that was called", async ({
  browser,
}) => {
  const study = await Study.start("", { PARLOR_CHAT_TOOL_SHARE: "0" });
  const given = JSON.stringify({ name: "borrow", arguments: {} });
  study.upstream.answer = { text: "Done.", calls: [{ name: "call_tool", arguments: given }] };
  const context = await browser.newContext({
    baseURL: study.household.url,
    storageState: study.household.signedIn,
  });
  const chat = new Chat(await context.newPage());
  await chat.open();
  await chat.ask("borrow a book");
  await expect(
    chat.page.getByRole("region", { name: "May “Borrow a book” of Bookshelf run?" }),
  ).toBeVisible();
  await chat.page.getByRole("button", { name: "Don’t allow" }).click();
  await chat.answered();
  for (const again of [false, true]) {
    if (again) await chat.page.reload();
    await chat.answers
      .last()
      .getByRole("button", { name: /^Borrow/ })
      .click();
    await expect(chat.answers.last()).toContainText("Asked with borrow");
    await expect(chat.answers.last()).not.toContainText(/call.tool/i);
  }
  await context.close();
  await study.stop();
});
