import { expect } from "@playwright/test";

import { Chat } from "./chat.ts";
import { watched } from "./fixtures.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";
import { test } from "./workshop.ts";

for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    test(`questions and tools are accessible: ${size}, ${colorScheme}`, async ({
      browser,
      workshop,
    }) => {
      test.setTimeout(90_000);
      const context = await browser.newContext({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        baseURL: workshop.household.url,
        storageState: workshop.household.signedIn,
      });
      const page = await context.newPage();
      const findings = watched(page, workshop.household.url);
      const name = (what: string) => `${size}-${colorScheme}-tools-${what}`;
      const chat = new Chat(page);

      await workshop.choose("test_echo", "ask");
      workshop.plan("test_echo", { message: `Dear Bob, ${"dinner is at eight. ".repeat(40)}` });
      await chat.open();
      await chat.ask("tell Bob about dinner");
      await expect(page.getByRole("button", { name: "Allow once" })).toBeVisible();
      await looked(page, name("approval"));
      const other = await context.newPage();
      await other.goto("/");
      await expect(other.getByText(/^An answer .*waits for you/)).toBeVisible();
      await looked(other, name("note"));
      await other.close();
      await page.getByRole("button", { name: "Don’t allow" }).click();
      await chat.answered();
      await looked(page, name("denied"));

      workshop.plan("ask", {});
      await chat.ask("order something");
      await page.getByRole("button", { name: "Allow once" }).click();
      await expect(page.getByLabel("Drink")).toBeVisible();
      await looked(page, name("form"));
      await page.getByRole("button", { name: "Decline" }).click();
      await chat.answered();

      await page.goto("/settings/tools");
      await expect(page.getByRole("link", { name: /Toolkit/ })).toBeVisible();
      await looked(page, name("servers"));
      await page.getByRole("button", { name: "Add a server" }).click();
      await looked(page, name("add"));
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("link", { name: /Toolkit/ }).click();
      await expect(page.getByText("test_echo")).toBeVisible();
      await looked(page, name("server"));
      expect(findings).toEqual([]);
      await context.close();
    });
  }
}
