import { expect } from "@playwright/test";

import { Chat } from "./chat.ts";
import { watched } from "./fixtures.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";
import { Program } from "./program.ts";
import { test } from "./study.ts";

for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    test(`prompts, resources and memory are accessible: ${size}, ${colorScheme}`, async ({
      browser,
      study,
    }) => {
      test.setTimeout(120_000);
      const { household } = study;
      const context = await browser.newContext({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        baseURL: household.url,
        storageState: household.signedIn,
      });
      const page = await context.newPage();
      const findings = watched(page, household.url);
      const name = (what: string) => `${size}-${colorScheme}-extras-${what}`;
      const chat = new Chat(page);
      const dialog = page.getByRole("dialog");

      await chat.open();
      await chat.field.pressSequentially("/");
      await expect(page.getByRole("option")).toHaveCount(3);
      await looked(page, name("prompts"));
      await page.getByRole("option", { name: /Write a letter/ }).click();
      await expect(dialog).toBeVisible();
      await looked(page, name("prompt-form"));
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await chat.field.fill("");

      await page.getByRole("button", { name: "Add from a tool server" }).click();
      await expect(dialog.getByText("Grandmother’s soup")).toBeVisible();
      await looked(page, name("resources"));
      await dialog.getByRole("button", { name: /Grandmother’s soup/ }).click();
      await dialog.getByRole("button", { name: /House rules/ }).click();
      await expect(dialog.getByText("2 added")).toBeVisible();
      await dialog.getByRole("button", { name: /A month of the diary/ }).click();
      await expect(dialog.getByLabel("Month")).toBeVisible();
      await looked(page, name("resource-form"));
      await dialog.getByRole("button", { name: "Back" }).click();
      await dialog.getByRole("button", { name: "Done" }).click();
      await looked(page, name("chips"));
      await chat.askAndWait("What does this say?");
      const sent = page.getByRole("list", { name: "Went along with the message" });
      await sent.getByRole("button", { name: /soup/ }).click();
      await looked(page, name("sent"));
      await chat.pointAt(page.locator("article.user"));
      await page.getByRole("button", { name: "Edit message" }).click();
      await looked(page, name("edit"));
      await page.getByRole("button", { name: "Cancel" }).click();

      await page.goto("/settings/memory");
      await expect(page.getByText("Nothing so far")).toBeVisible();
      await looked(page, name("memory-empty"));
      for (const text of ["Anna eats no meat.", `Mia’s ${"very ".repeat(40)}favourite colour.`]) {
        await household.ask("POST", "/api/memories", { text });
      }
      await expect(page.getByText("Anna eats no meat.")).toBeVisible();
      await looked(page, name("memory"));
      await page.getByRole("button", { name: "Forget everything" }).click();
      await looked(page, name("memory-forget"));
      await dialog.getByRole("button", { name: "Forget everything" }).click();
      await expect(page.getByText("Nothing so far")).toBeVisible();

      await page.goto("/settings/tools");
      await expect(page.getByRole("list", { name: "Where tools are used" })).toBeVisible();
      await looked(page, name("tools"));
      await page.getByText("Where they are used").scrollIntoViewIfNeeded();
      await page.getByRole("button", { name: "Choose for Displays" }).click();
      await dialog.getByText("Only these").click();
      await looked(page, name("surface"));
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("link", { name: /Bookshelf/ }).click();
      await page.getByRole("button", { name: "Record for 10 minutes" }).click();
      await expect(page.getByText("Nothing was said so far.")).toBeVisible();
      await household.ask("POST", "/api/mcp/servers/refresh");
      const row = page.getByRole("button", { name: /tools\/list/ }).first();
      await row.click();
      await row.scrollIntoViewIfNeeded();
      await looked(page, name("traffic"));
      await page.getByRole("button", { name: "Stop" }).click();

      const program = await new Program(household.url).start();
      await page.goto(program.page());
      await expect(page.getByRole("heading", { name: "Let an app in?" })).toBeVisible();
      await looked(page, name("consent"));
      await program.letIn(household);
      await page.goto("/authorize?client_id=nobody");
      await expect(page.getByRole("heading", { name: "This does not work" })).toBeVisible();
      await looked(page, name("consent-invalid"));
      await page.goto("/settings/account");
      await page.getByRole("heading", { name: "API keys" }).scrollIntoViewIfNeeded();
      await expect(page.getByRole("list", { name: "Connected apps" })).toBeVisible();
      await looked(page, name("apps"));
      expect(findings).toEqual([]);
      program.stop();
      await context.close();
    });
  }
}
