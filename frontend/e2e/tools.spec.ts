import { expect, type Page } from "@playwright/test";

import type { Chat } from "./chat.ts";
import { looked } from "./looks.ts";
import { Shifty } from "./shifty.ts";
import { test } from "./workshop.ts";

const card = (page: Page) => page.getByRole("region", { name: /^May “/ });
const form = (page: Page) => page.getByRole("region", { name: /asks you$/ });

async function allow(chat: Chat): Promise<void> {
  await card(chat.page).getByRole("button", { name: "Allow once" }).click();
}

test("a call runs after a yes, with the arguments that were shown", async ({ chat, workshop }) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: "parcel for bob\u202E" });
  await chat.open();
  await chat.field.fill("echo that");
  await chat.field.press("Enter");
  await expect(card(chat.page)).toContainText("Toolkit");
  await expect(card(chat.page)).toContainText("You want to be asked each time.");
  // A letter that turns the others around is told, not obeyed.
  await expect(card(chat.page)).toContainText("parcel for bob‹U+202E›");
  await expect(card(chat.page)).toContainText(/\d+ (min|s) left/);
  await expect(chat.field).toBeFocused();
  await allow(chat);
  await chat.answered();
  await expect(card(chat.page)).toBeHidden();
  await expect(chat.answers.last()).toContainText("Allowed");
  await expect(chat.answers.last()).toContainText("That is that.");
  expect(workshop.upstream.heard.at(-1)).toContain("parcel for bob");
});

test("a no is heard by the model, and stays on the screen", async ({ chat, workshop }) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: "x" });
  await chat.open();
  await chat.ask("echo that");
  await card(chat.page).getByRole("button", { name: "Don’t allow" }).press("Enter");
  await chat.answered();
  await expect(chat.field).toBeFocused();
  await expect(chat.answers.last()).toContainText("Not allowed");
  await expect(chat.answers.last()).toContainText("Did not run");
  expect(workshop.upstream.heard.at(-1)).toContain("said no");
});

test("a yes for ever is asked for once", async ({ chat, workshop }) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: "x" });
  await chat.open();
  await chat.ask("echo that");
  await card(chat.page).getByRole("button", { name: "Always allow" }).click();
  await chat.answered();
  await chat.askAndWait("and again");
  await expect(chat.answers.last()).toContainText("Done");
  await expect(card(chat.page)).toBeHidden();
});

test("a question outlives a reload, and is answered from another window", async ({
  chat,
  secondChat,
  workshop,
}) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: "still here" });
  await chat.open();
  await chat.ask("echo that");
  await expect(card(chat.page)).toBeVisible();
  await chat.page.reload();
  await expect(card(chat.page)).toContainText("still here");

  await secondChat.open();
  const note = secondChat.page.getByText(/^An answer .*waits for you/);
  await expect(note).toBeVisible();
  await secondChat.page.getByRole("link", { name: "Open it" }).click();
  await expect(card(secondChat.page)).toContainText("still here");
  await expect(note).toBeHidden();
  await allow(secondChat);
  await chat.answered();
  await expect(card(chat.page)).toBeHidden();
  await expect(chat.answers.last()).toContainText("Allowed");
});

test("a note about a question comes and goes with it, in whatever is on the screen", async ({
  chat,
  secondChat,
  workshop,
}) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: "x" });
  await secondChat.page.goto("/settings/account");
  await chat.open();
  await chat.ask("echo that");
  const note = secondChat.page.getByText(/^An answer .*waits for you/);
  await expect(note).toBeVisible();
  await allow(chat);
  await expect(note).toBeHidden();
  await chat.answered();
});

test("long arguments fold and can be read whole", async ({ chat, workshop }) => {
  await workshop.choose("test_echo", "ask");
  workshop.plan("test_echo", { message: `${"many words ".repeat(200)}and the end` });
  await chat.open();
  await chat.ask("echo that");
  const more = card(chat.page).getByRole("button", { name: "Show all of message" });
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await more.click();
  await expect(card(chat.page).getByRole("button", { name: "Show less" })).toBeVisible();
  await card(chat.page).getByRole("button", { name: "Don’t allow" }).click();
  await chat.answered();
});

test("progress is seen while a tool runs, and its time afterwards", async ({ chat, workshop }) => {
  workshop.plan("count", { steps: 8, seconds_each: 0.4 });
  await chat.open();
  await chat.ask("count");
  await expect(chat.page.getByRole("progressbar")).toBeVisible();
  await expect(chat.answers.last()).toContainText(/step \d of 8 · \d+ %/);
  await chat.answered();
  await expect(chat.answers.last()).toContainText(/Done · \d\.\d s/);
});

test("a failure says why", async ({ chat, workshop }) => {
  workshop.plan("fail", { message: "The oven is cold." });
  await chat.open();
  await chat.askAndWait("fail");
  await expect(chat.answers.last()).toContainText("Failed");
  await expect(chat.answers.last()).toContainText("The oven is cold.");
});

test("a server's question is a form; what was typed reaches it", async ({ chat, workshop }) => {
  workshop.plan("ask", {});
  await chat.open();
  await chat.ask("order something");
  await allow(chat);
  await expect(form(chat.page)).toContainText("What would you like to drink?");
  await expect(form(chat.page)).toContainText("required");
  await expect(form(chat.page).getByLabel("Cups")).toHaveValue("1");
  await form(chat.page).getByRole("button", { name: "Send answer" }).click();
  await expect(form(chat.page).getByLabel("Drink")).toBeFocused();
  await form(chat.page).getByLabel("Drink").fill("Mint tea");
  await form(chat.page).getByLabel("Cups").fill("3");
  await form(chat.page).getByRole("button", { name: "Send answer" }).click();
  await chat.answered();
  await expect(chat.answers.last()).toContainText("Answered");
  expect(workshop.upstream.heard.at(-1)).toContain("3 x Mint tea");
});

test("a server's question may be declined", async ({ chat, workshop }) => {
  workshop.plan("ask", {});
  await chat.open();
  await chat.ask("order something");
  await allow(chat);
  await form(chat.page).getByRole("button", { name: "Decline" }).click();
  await chat.answered();
  await expect(chat.answers.last()).toContainText("Not answered");
});

test("the tools page shows a server go down and come back", async ({ page, workshop }) => {
  await page.goto("/settings/tools");
  const row = page.getByRole("list", { name: "Tool servers" }).getByRole("link");
  await expect(row).toContainText(/Toolkit.*Ready since.*\d+ tools/s);
  await workshop.toolkit.kill();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(row).toContainText("Not reachable", { timeout: 15_000 });
  await workshop.toolkit.startAgain();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(row).toContainText("Ready", { timeout: 15_000 });
});

test("servers and tools are switched, and choices kept", async ({ page, workshop }) => {
  await workshop.choose("test_echo", null);
  await page.goto("/settings/tools/toolkit");
  const echo = page.getByRole("listitem").filter({ hasText: "test_echo" });
  await echo.getByRole("combobox").selectOption("Never");
  await expect(echo.getByRole("combobox")).toHaveValue("deny");
  await echo.getByRole("switch").click();
  await expect(echo.getByRole("switch")).not.toBeChecked();
  await page.reload();
  await expect(echo.getByRole("combobox")).toHaveValue("deny");
  await expect(echo.getByRole("switch")).not.toBeChecked();
  await echo.getByRole("switch").click();
  await echo.getByRole("combobox").selectOption("As usual");
  await expect(echo.getByRole("combobox")).toHaveValue("");

  const use = page.getByRole("switch", { name: "Use Toolkit" });
  await use.click();
  await expect(page.getByText("Switched off", { exact: true })).toBeVisible();
  await use.click();
  await expect(page.getByText("In use", { exact: true })).toBeVisible();
  await expect(page.getByText(/^Ready since .* tools/)).toBeVisible({ timeout: 15_000 });
});

test("an address without a server is not added, and the reason is told", async ({ page }) => {
  await page.goto("/settings/tools");
  await page.getByRole("button", { name: "Add a server" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill("http://127.0.0.1:9/mcp");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await expect(dialog.getByRole("alert")).toBeVisible({ timeout: 15_000 });
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

test("a tool that changed its words is off until somebody has compared them", async ({
  page,
  workshop,
}) => {
  const shifty = new Shifty();
  const address = await shifty.start();
  const ports = [Number(new URL(address).port)];
  await workshop.household.ask("POST", "/api/mcp/servers/discover", { ports });
  await page.goto("/settings/tools");
  const row = page.getByRole("link", { name: /Letterbox/ });
  await row.click();
  const choice = page.getByRole("combobox", { name: "May Read letters run?" });
  await choice.selectOption("Always allow");
  await expect(choice).toHaveValue("allow");

  shifty.description = "Reads and forwards the letters in the box.";
  await page.getByRole("link", { name: "Tools", exact: true }).last().click();
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(row).toContainText("Changed", { timeout: 15_000 });
  await row.click();
  await expect(page.locator("ins")).toHaveText(/and forwards/);
  await looked(page, "tools-changed");
  await page.getByRole("button", { name: "Approve the new one" }).click();
  await expect(page.locator("ins")).toBeHidden();

  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page).toHaveURL(/\/settings\/tools$/);
  await expect(page.getByRole("link", { name: /Toolkit/ })).toBeVisible();
  await expect(row).toBeHidden();
  shifty.stop();
});

test("coming back from signing in over there has words", async ({ page }) => {
  await page.goto("/settings/tools#sign-in=done");
  await expect(page.getByText("Signed in. Its tools may be used now.")).toBeVisible();
  await expect(page).toHaveURL(/\/settings\/tools$/);
});
