import { expect, type Page } from "@playwright/test";

import { Chat } from "./chat.ts";
import { SIZES } from "./looks.ts";
import { test } from "./study.ts";

const list = (page: Page) => page.getByRole("listbox", { name: "Prompts" });
const chosen = (page: Page) => page.getByRole("option", { selected: true });

/** Types it as the first of its page, and waits until the prompts are known. */
async function seek(chat: Chat, words: string) {
  const known = chat.page.waitForResponse("**/api/mcp/prompts*");
  await chat.field.pressSequentially(words);
  await known;
  await expect(chat.page.getByText("Looking for prompts")).toHaveCount(0);
}

test("a slash finds a prompt by a few letters, and its words wait to be sent", async ({
  chat,
  study,
}) => {
  await chat.open();
  await chat.field.pressSequentially("/");
  await expect(list(chat.page).getByRole("option")).toHaveCount(3);
  await expect(chosen(chat.page)).toContainText("Plan the week");
  await expect(chosen(chat.page)).toContainText("Bookshelf");
  await expect(chat.field).toHaveAttribute("aria-activedescendant", /.+/);
  await chat.field.press("ArrowDown");
  await expect(chosen(chat.page)).toContainText("Write a letter");
  await chat.field.press("ArrowUp");
  await chat.field.press("ArrowUp");
  await expect(chosen(chat.page)).toContainText("A torn page");

  await chat.field.pressSequentially("wEEk");
  await expect(list(chat.page).getByRole("option")).toHaveCount(1);
  await chat.field.press("Enter");
  await expect(chat.field).toHaveValue("Plan seven dinners.\nUse what is in the house.");
  await expect(chat.field).toBeFocused();
  await expect(list(chat.page)).toBeHidden();
  await expect(chat.questions).toHaveCount(0);

  await chat.field.press("Enter");
  await chat.answered();
  expect(study.upstream.read).toContain("Plan seven dinners.");
});

test("a prompt asks for what it needs, and only for that", async ({ chat }) => {
  await chat.open();
  await seek(chat, "/letter");
  await chat.field.press("Tab");
  const form = chat.page.getByRole("dialog", { name: "Write a letter" });
  await expect(form).toContainText("Bookshelf");
  await expect(form.getByLabel("To whom")).toBeFocused();
  const put = form.getByRole("button", { name: "Put it in the message" });
  await expect(put).toBeDisabled();
  await form.getByLabel("To whom").fill("Aunt Vera");
  await form.getByLabel("About").fill("Thank you for the jam.");
  await form.getByLabel("About").press("Enter");
  await expect(form).toBeHidden();
  await expect(chat.field).toHaveValue("Write a letter to Aunt Vera. Thank you for the jam.");

  await chat.field.fill("/letter");
  await expect(list(chat.page)).toBeHidden();
  await chat.field.fill("");
  await chat.field.pressSequentially("/letter");
  await chat.field.press("Enter");
  await form.getByLabel("To whom").fill("Bob");
  await put.click();
  await expect(chat.field).toHaveValue("Write a letter to Bob. Say hello.");
});

test("a prompt that its server does not give says so, and nothing is lost", async ({ chat }) => {
  await chat.open();
  await seek(chat, "/torn");
  await chat.field.press("Enter");
  await expect(chat.page.getByRole("alert")).toContainText(/refused/);
  await expect(chat.field).toHaveValue("/torn");
});

test("a message may begin with a slash all the same", async ({ chat }) => {
  await chat.open();
  await seek(chat, "/etc/hosts, what is it?");
  await expect(list(chat.page)).toBeHidden();
  await chat.field.press("Enter");
  await expect(chat.questions.last()).toContainText("/etc/hosts, what is it?");
  await chat.answered();

  await chat.field.pressSequentially("/week");
  await expect(list(chat.page)).toBeVisible();
  await chat.field.press("Escape");
  await expect(list(chat.page)).toBeHidden();
  await chat.field.pressSequentially(" of rain");
  await expect(list(chat.page)).toBeHidden();
  await chat.field.press("Enter");
  await expect(chat.questions.last()).toContainText("/week of rain");
  await chat.answered();
});

test("on a phone a tap takes a prompt", async ({ browser, study }) => {
  const context = await browser.newContext({
    ...SIZES.phone,
    baseURL: study.household.url,
    storageState: study.household.signedIn,
  });
  const chat = new Chat(await context.newPage());
  await chat.open();
  await chat.field.tap();
  await chat.field.pressSequentially("/");
  await chat.page.getByRole("option", { name: /Plan the week/ }).tap();
  await expect(chat.field).toHaveValue(/^Plan seven dinners/);
  await expect(chat.field).toBeFocused();
  await context.close();
});

test("servers that are not wanted in the chat offer nothing there", async ({ chat, study }) => {
  const { household } = study;
  await household.ask("PUT", "/api/mcp/preferences/chat", { enabled_servers: [] });
  await chat.open();
  await chat.field.pressSequentially("/");
  await expect(chat.page.getByText("No tool server offers prompts here.").last()).toBeVisible();
  await chat.page.getByRole("button", { name: "Add from a tool server" }).click();
  await expect(chat.page.getByRole("dialog")).toContainText("has anything to read here");
  await household.ask("PUT", "/api/mcp/preferences/chat", { enabled_servers: null });
});
