import { expect } from "@playwright/test";

import { BRUNO, NOBODY } from "./household.ts";
import { test } from "./study.ts";

test("the owner records what is said with a server, sifts, copies and stops", async ({
  page,
  context,
  study,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/settings/tools/shelf");
  const panel = page.getByRole("region", { name: "What is said with it" });
  await expect(panel).toContainText("Recording stops by itself after 10 minutes");
  await expect(panel.getByRole("status")).toHaveText("Not recording.");
  await panel.getByRole("button", { name: "Record for 10 minutes" }).click();
  await expect(panel.getByRole("status")).toContainText("Recording");
  await expect(panel).toContainText(/(10:00|9:5\d) left/);
  await expect(panel).toContainText("Nothing was said so far.");

  await study.household.ask("POST", "/api/mcp/resources/read", {
    server_id: "shelf",
    uri: "shelf://recipes/soup",
  });
  const entries = panel.getByRole("list", { name: /^Messages with Bookshelf/ });
  const asked = entries.getByRole("button", { name: /resources\/read request sent/ });
  await expect(asked).toBeVisible();
  await expect(entries).toContainText(/answer received after \d+ ms/);
  await asked.click();
  await expect(entries).toContainText('"uri": "shelf://recipes/soup"');
  await entries.getByRole("button", { name: /^Copy message \d+/ }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  expect(await copied()).toContain('"method":"resources/read"');

  await panel.getByRole("searchbox").fill("bay leaf");
  await expect(entries.getByRole("listitem")).toHaveCount(1);
  await panel.getByRole("button", { name: "Copy these" }).click();
  expect(await copied()).toContain("(answer received");
  await panel.getByRole("combobox", { name: "Which messages" }).selectOption("What failed");
  await expect(panel).toContainText("No message is like that.");
  await panel.getByRole("combobox").selectOption("Everything");
  await panel.getByRole("searchbox").fill("");

  await panel.getByRole("button", { name: "Stop" }).click();
  await expect(panel.getByRole("status")).toContainText("still on your screen");
  await expect(asked).toBeVisible();
  await page.reload();
  await expect(panel.getByRole("status")).toHaveText("Not recording.");
  await expect(entries).toBeHidden();
});

test("nobody but the owner sees what is said with a server, or may change servers", async ({
  browser,
  study,
}) => {
  const { household } = study;
  await household.add(BRUNO, "adult");
  const page = await household.visit(browser, BRUNO, { storageState: NOBODY });
  await page.goto("/settings/tools");
  await expect(page.getByRole("link", { name: /Bookshelf/ })).toBeVisible();
  await expect(page.getByRole("button", { name: "Add a server" })).toBeHidden();
  await expect(page.getByRole("button", { name: "Look again" })).toBeHidden();
  await expect(page.getByRole("list", { name: "Parlor’s own tools" })).toBeVisible();
  await page.getByRole("link", { name: /Bookshelf/ }).click();
  await expect(page.getByRole("combobox", { name: "May Borrow a book run?" })).toBeVisible();
  await expect(page.getByRole("switch")).toHaveCount(0);
  await expect(page.getByText("What is said with it")).toBeHidden();
  await expect(page.getByText("127.0.0.1")).toBeHidden();
  await page.context().close();
});
