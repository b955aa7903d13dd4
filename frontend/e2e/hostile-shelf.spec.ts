/** Field notes 3.1, X3: what a tool server calls itself, its prompts and its resources, and what
 * those say. */
import { Chat } from "./chat.ts";
import { guarded, stateOf, UNHARMED } from "./guards.ts";
import { Program } from "./program.ts";
import { Study } from "./study.ts";
import { expect, IMAGE, test } from "./victim.ts";

test("X3 words of a tool server and of an app are words wherever they stand", async ({
  browser,
}) => {
  test.setTimeout(90_000);
  const study = await Study.start(IMAGE);
  const { household, upstream } = study;
  const context = await browser.newContext({
    baseURL: household.url,
    storageState: household.signedIn,
  });
  await guarded(context);
  const page = await context.newPage();
  const chat = new Chat(page);
  const dialog = page.getByRole("dialog");

  await chat.open();
  await chat.field.pressSequentially("/");
  await expect(page.getByRole("option", { name: IMAGE })).toHaveCount(3);
  await page.getByRole("option", { name: /Write a letter/ }).click();
  await expect(dialog).toContainText(`Write a letter${IMAGE}`);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await chat.field.fill("");
  await page.getByRole("button", { name: "Add from a tool server" }).click();
  await expect(dialog).toContainText(`Bookshelf${IMAGE}`);
  await dialog.getByRole("button", { name: /A month of the diary/ }).click();
  await dialog.getByRole("button", { name: "Back" }).click();
  await dialog.getByRole("button", { name: /Grandmother’s soup/ }).click();
  await dialog.getByRole("button", { name: "Done" }).click();
  expect(await stateOf(page)).toEqual(UNHARMED);

  upstream.answer = { text: "Borrowed.", calls: [{ name: "borrow", arguments: "{}" }] };
  await chat.ask("borrow a book");
  const sent = page.getByRole("list", { name: "Went along with the message" });
  await sent.getByRole("button").click();
  await expect(sent).toContainText(`Simmer for an hour.${IMAGE}`);
  await page.getByRole("button", { name: "Allow once" }).click();
  await expect(page.getByText(`library card on our page.${IMAGE}`)).toBeVisible();
  await page.getByRole("button", { name: "Decline" }).click();
  await chat.answered();
  expect(await stateOf(page)).toEqual(UNHARMED);

  await page.goto("/settings/tools");
  await page.getByRole("button", { name: "Choose for Chat" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("link", { name: /^Bookshelf/ }).click();
  await page.getByRole("button", { name: "Record for 10 minutes" }).click();
  await expect(page.getByText("Nothing was said so far.")).toBeVisible();
  await household.ask("POST", "/api/mcp/servers/refresh");
  await page.getByRole("button", { name: /prompts\/list answer received/ }).click();
  await expect(page.getByText("Seven dinners from what is in the house.").last()).toBeVisible();
  expect(await stateOf(page)).toEqual(UNHARMED);

  await household.ask("POST", "/api/memories", { text: IMAGE });
  await page.goto("/settings/memory");
  await expect(page.getByText(IMAGE)).toBeVisible();
  await page.getByRole("button", { name: /^Forget “/ }).click();
  await expect(dialog).toContainText(IMAGE);
  await dialog.getByRole("button", { name: "Keep" }).click();
  expect(await stateOf(page)).toEqual(UNHARMED);

  const program = await new Program(household.url).start(IMAGE);
  await page.goto(program.page());
  await expect(page.getByText(IMAGE)).toBeVisible();
  expect(await stateOf(page)).toEqual(UNHARMED);
  program.stop();
  await context.close();
  await study.stop();
});
