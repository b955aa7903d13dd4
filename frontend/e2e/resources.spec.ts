import { expect, type Locator, type Page } from "@playwright/test";

import { SOUP } from "./bookshelf.ts";
import type { Chat } from "./chat.ts";
import { test } from "./study.ts";

const chips = (page: Page) => page.getByRole("list", { name: "Goes along with the message" });
const sent = (page: Page) => page.getByRole("list", { name: "Went along with the message" });

async function picker(chat: Chat): Promise<Locator> {
  await chat.page.getByRole("button", { name: "Add from a tool server" }).click();
  const dialog = chat.page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: /Grandmother’s soup/ })).toBeVisible();
  return dialog;
}

async function withSoup(chat: Chat): Promise<void> {
  const dialog = await picker(chat);
  await dialog.getByRole("button", { name: /Grandmother’s soup/ }).click();
  await expect(dialog.getByText("1 added")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
}

test("what is added goes along with the message, and is still there after a reload", async ({
  chat,
  study,
}) => {
  await chat.open();
  const dialog = await picker(chat);
  const search = dialog.getByRole("searchbox", { name: "Search what can be added" });
  await expect(search).toBeFocused();
  await search.fill("soup");
  await expect(dialog.getByRole("listitem")).toHaveCount(1);
  await dialog.getByRole("button", { name: /Grandmother’s soup/ }).click();
  await search.fill("rules");
  await dialog.getByRole("button", { name: /House rules/ }).click();
  await expect(dialog.getByText("Only its beginning fits")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(chips(chat.page).getByRole("listitem")).toHaveCount(2);
  await expect(chips(chat.page)).toContainText("24 kB");
  await chips(chat.page).getByRole("button", { name: "Remove House rules" }).click();
  await expect(chips(chat.page).getByRole("listitem")).toHaveCount(1);

  await chat.askAndWait("What do I need?");
  await expect(chips(chat.page)).toBeHidden();
  expect(study.upstream.read).toContain(SOUP);
  expect(study.upstream.read).toContain("What do I need?");
  for (const again of [false, true]) {
    if (again) await chat.page.reload();
    await expect(chips(chat.page)).toBeHidden();
    await sent(chat.page)
      .getByRole("button", { name: /Grandmother’s soup/ })
      .click();
    await expect(sent(chat.page)).toContainText("<img src=x onerror=alert(1)> a bay leaf.");
    await expect(sent(chat.page)).toContainText("shelf://recipes/soup");
    await expect(chat.questions.last().locator(".bubble")).toHaveText("What do I need?");
  }
});

test("an address with gaps asks for what belongs there", async ({ chat, study }) => {
  await chat.open();
  const dialog = await picker(chat);
  await dialog.getByRole("button", { name: /A month of the diary/ }).click();
  await expect(dialog.getByLabel("Year")).toBeFocused();
  const add = dialog.getByRole("button", { name: "Add it" });
  await expect(add).toBeDisabled();
  await dialog.getByLabel("Year").fill("1999");
  await dialog.getByLabel("Month").fill("nineteen");
  await add.click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Month").fill("12");
  await dialog.getByLabel("Month").press("Enter");
  await expect(dialog.getByText("1 added")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await chat.askAndWait("What was the weather?");
  expect(study.upstream.read).toContain("In 12/1999 it rained.");
});

test("what is no text is not added, and the reason is told", async ({ chat }) => {
  await chat.open();
  const dialog = await picker(chat);
  await dialog.getByRole("button", { name: /The garden/ }).click();
  await expect(dialog.getByRole("status").filter({ hasText: /text/ })).toBeVisible();
  await expect(chips(chat.page)).toBeHidden();
});

test("an edited message keeps what went along, unless it is taken away", async ({
  chat,
  study,
}) => {
  await chat.open();
  await withSoup(chat);
  await chat.askAndWait("How long?");
  const edit = async (words: string, drop: boolean) => {
    await chat.questions.last().hover();
    await chat.questions.last().getByRole("button", { name: "Edit message" }).click();
    await expect(chips(chat.page)).toContainText("Grandmother’s soup");
    if (drop) {
      await chips(chat.page).getByRole("button", { name: "Remove Grandmother’s soup" }).click();
    }
    await chat.page.getByRole("textbox", { name: "Edit message" }).fill(words);
    await chat.page
      .locator("form")
      .filter({ hasText: "The old version" })
      .getByText("Send")
      .click();
    await chat.answered();
  };
  await edit("How long exactly?", false);
  await expect(sent(chat.page)).toContainText("Grandmother’s soup");
  expect(study.upstream.read).toContain(SOUP);
  await chat.answers.last().getByRole("button", { name: "Regenerate" }).click();
  await chat.answered();
  expect(study.upstream.read).toContain(SOUP);
  await edit("How long, about?", true);
  await expect(sent(chat.page)).toBeHidden();
  expect(study.upstream.read).not.toContain(SOUP);
});

test("what was added waits with the draft through a reload", async ({ chat }) => {
  await chat.open();
  await withSoup(chat);
  await chat.field.fill("Later:");
  await chat.page.reload();
  await expect(chips(chat.page)).toContainText("Grandmother’s soup");
  await expect(chat.field).toHaveValue("Later:");
  await chips(chat.page).getByRole("button", { name: "Remove Grandmother’s soup" }).click();
  await chat.field.fill("");
  await chat.page.reload();
  await expect(chips(chat.page)).toBeHidden();
});

test("what could not be sent comes back with what was added", async ({ chat }) => {
  await chat.open();
  await withSoup(chat);
  await chat.page.route("**/api/chat/stream", (route) =>
    route.fulfill({ status: 400, json: { code: "invalid", detail: "Not today." } }),
  );
  await chat.ask("Is it soup?");
  await expect(chat.page.getByText("Not sent. Not today.")).toBeVisible();
  await expect(sent(chat.page)).toContainText("Grandmother’s soup");
  await chat.page.getByRole("button", { name: "Edit", exact: true }).click();
  await expect(chat.field).toHaveValue("Is it soup?");
  await expect(chips(chat.page)).toContainText("Grandmother’s soup");
  await chat.page.unroute("**/api/chat/stream");
  await chat.askAndWait("Is it soup?");
  await expect(sent(chat.page)).toContainText("Grandmother’s soup");
});

test("eight go along at most", async ({ chat }) => {
  await chat.open();
  const dialog = await picker(chat);
  for (let month = 1; month <= 8; month += 1) {
    await dialog.getByRole("button", { name: /A month of the diary/ }).click();
    await dialog.getByLabel("Year").fill("2001");
    await dialog.getByLabel("Month").fill(String(month));
    await dialog.getByLabel("Month").press("Enter");
    await expect(dialog.getByRole("searchbox")).toBeVisible();
  }
  await expect(dialog.getByText("8 go along with a message at most.")).toBeVisible();
  await expect(dialog.getByRole("button", { name: /Grandmother’s soup/ })).toBeDisabled();
  await dialog.getByRole("button", { name: "Done" }).click();
  await chat.askAndWait("Which was the wettest?");
  await expect(sent(chat.page).getByRole("listitem")).toHaveCount(8);
});
