import { expect, test } from "./fixtures.ts";

test("a conversation is renamed, pinned, archived, found and deleted", async ({ chat }) => {
  const { page, list } = chat;
  await chat.open();
  await chat.askAndWait("tell me about periwinkles");
  const id = chat.conversationId;

  await page.getByRole("button", { name: "Actions for this conversation" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Periwinkle notes");
  await page.keyboard.press("Enter");
  await expect(page).toHaveTitle("Periwinkle notes · Parlor");
  await expect(list.getByRole("link", { name: "Periwinkle notes" })).toBeVisible();

  const row = list.getByRole("listitem").filter({ hasText: "Periwinkle notes" });
  const act = async (name: string) => {
    await row.hover();
    await row.getByRole("button", { name: /^Actions/ }).click();
    await page.getByRole("menuitem", { name, exact: true }).click();
  };
  await act("Pin");
  await expect(list.getByRole("heading", { name: "Pinned" })).toBeVisible();
  await act("Unpin");

  await page.keyboard.press("Control+k");
  const search = list.getByRole("searchbox");
  await expect(search).toBeFocused();
  await search.fill("periwinkles");
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await search.fill("no such words anywhere");
  await expect(list.getByText("Nothing found")).toBeVisible();
  await search.fill("");

  await act("Archive");
  await expect(row).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row).toHaveCount(1);
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);

  await page.getByRole("button", { name: "Actions for this conversation" }).click();
  await page.getByRole("menuitem", { name: "Archive", exact: true }).click();
  await expect(row).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row).toHaveCount(1);

  await act("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(row).toHaveCount(0);
  await expect(page).toHaveURL(/\/$/);
  expect((await page.request.get(`/api/conversations/${id}`)).status()).toBe(404);
});

test("a search shows the words it found, marked, and as text", async ({ chat }) => {
  const { list } = chat;
  await chat.open();
  await chat.askAndWait("Are <b>quinces</b> ripe in **October**?");
  const search = list.getByRole("searchbox");
  await search.fill("october quinc");
  const row = list.getByRole("listitem");
  await expect(row).toHaveCount(1);
  await expect(row).toContainText("Are <b>quinces</b> ripe in October?");
  await expect(row.locator("mark")).toHaveText(["quinces", "October"]);
  await expect(list.getByRole("status")).toHaveText("1 found");
  await search.fill("no quinces at all");
  await expect(list.getByText("Nothing found for “no quinces at all”.")).toBeVisible();
  await expect(row).toHaveCount(0);
  await search.fill("");
  await expect(list.getByRole("heading", { name: "Today" })).toBeVisible();
  await expect(list.locator("mark")).toHaveCount(0);
});

test("a search that fails shows no rows that other words found", async ({ chat }) => {
  const { list, page } = chat;
  await chat.open();
  await chat.askAndWait("medlars are soft");
  const search = list.getByRole("searchbox");
  await search.fill("medlars");
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await page.route(/\/api\/conversations\?.*q=/, (route) => route.abort());
  await search.fill("medlars are hard");
  await expect(list.getByRole("button", { name: "Try again" })).toBeVisible();
  await expect(list.getByRole("listitem")).toHaveCount(0);
  await page.unroute(/\/api\/conversations\?.*q=/);
  await search.fill("medlars soft");
  await expect(list.getByRole("listitem")).toHaveCount(1);
});

test("a conversation that is gone says so and offers a new one", async ({ chat }) => {
  await chat.page.goto("/c/conv_that_never_was");
  await expect(chat.page.getByRole("heading", { name: "This conversation is gone" })).toBeVisible();
});

test("what one window renames or deletes changes in the other", async ({ chat, secondChat }) => {
  await chat.open();
  await chat.askAndWait("shared words");
  const id = chat.conversationId;
  await secondChat.open(`/c/${id}`);
  await chat.page.request.patch(`/api/conversations/${id}`, {
    data: { title: "Renamed elsewhere" },
    headers: { origin: new URL(chat.page.url()).origin },
  });
  await expect(secondChat.page).toHaveTitle("Renamed elsewhere · Parlor");
  await expect(secondChat.list.getByRole("link", { name: "Renamed elsewhere" })).toBeVisible();
  await chat.page.request.delete(`/api/conversations/${id}`, {
    headers: { origin: new URL(chat.page.url()).origin },
  });
  await expect(
    secondChat.page.getByRole("heading", { name: "This conversation is gone" }),
  ).toBeVisible();
});

test("the keyboard opens a new chat", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("hello");
  await chat.page.keyboard.press("Control+Shift+O");
  await expect(chat.page).toHaveURL(/\/$/);
  await expect(chat.field).toBeFocused();
});
