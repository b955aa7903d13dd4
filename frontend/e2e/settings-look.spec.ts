import { expect, test as base } from "@playwright/test";

import { BRUNO, Household, MIA, signIn } from "./household.ts";
import { OWNER, watched } from "./fixtures.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";

const test = base.extend<object, { household: Household }>({
  household: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const household = await Household.start();
      await household.add(BRUNO, "adult");
      await household.add(MIA, "child", {
        models: ["demo:*"],
        tools: [],
        hours: [{ start: "07:00", end: "20:00" }],
        dollars_a_day: 0.5,
      });
      await household.add(
        { username: "A name that goes on and on " + "o".repeat(30), password: "x".repeat(12) },
        "adult",
      );
      await household.ask("POST", "/api/auth/keys", {
        name: "Shell on the laptop",
        scopes: ["chat", "read"],
        expires_in_days: 90,
      });
      await use(household);
      await household.stop();
    },
    { scope: "worker" },
  ],
});

for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    test(`every page of the settings is accessible: ${size}, ${colorScheme}`, async ({
      browser,
      household,
    }) => {
      test.setTimeout(90_000);
      const context = await browser.newContext({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        baseURL: household.url,
      });
      const page = await context.newPage();
      const findings = watched(page, household.url);
      const name = (what: string) => `${size}-${colorScheme}-settings-${what}`;
      const settings = page.getByRole("navigation", { name: "Settings" });
      const dialog = page.getByRole("dialog");

      await page.goto("/settings/account");
      await signIn(page, OWNER);
      await expect(page).toHaveURL(/\/settings\/account$/);
      await expect(page.getByRole("list", { name: "Sessions" })).toBeVisible();
      await looked(page, name("account"));
      await page.getByRole("heading", { name: "API keys" }).scrollIntoViewIfNeeded();
      await looked(page, name("account-end"));

      await page.getByRole("button", { name: "Change password" }).click();
      await looked(page, name("password"));
      await dialog.getByRole("button", { name: "Cancel" }).click();

      await page.getByRole("button", { name: "Set up" }).click();
      await dialog.getByLabel("Your password").fill(OWNER.password);
      await dialog.getByRole("button", { name: "Go on" }).click();
      await expect(dialog.getByRole("img", { name: /QR code/ })).toBeVisible();
      await looked(page, name("totp"));
      await page.keyboard.press("Escape");

      await page.getByRole("button", { name: "Make a key" }).click();
      await looked(page, name("key"));
      await dialog.getByLabel("Name").fill(`Script for ${size}`);
      await dialog.getByRole("button", { name: "Make the key" }).click();
      await expect(dialog.getByText("only this once")).toBeVisible();
      await looked(page, name("key-made"));
      await dialog.getByRole("button", { name: "Done" }).click();

      await settings.getByRole("link", { name: "People" }).click();
      await expect(page.getByRole("link", { name: /Mia/ })).toBeVisible();
      await looked(page, name("people"));
      await page.getByRole("button", { name: "Add a person" }).click();
      await looked(page, name("person-new"));
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("link", { name: /Mia/ }).click();
      await expect(page.getByRole("heading", { name: "Limits" })).toBeVisible();
      await looked(page, name("person"));
      await page.getByRole("heading", { name: "When something is wrong" }).scrollIntoViewIfNeeded();
      await looked(page, name("person-end"));
      await page.getByRole("button", { name: "Delete" }).click();
      await looked(page, name("person-delete"));
      await dialog.getByRole("button", { name: "Keep" }).click();

      await settings.getByRole("link", { name: "Displays" }).click();
      await expect(page.getByRole("heading", { name: "Displays" })).toBeVisible();
      await looked(page, name("displays"));
      await page.getByRole("link", { name: "Pair a display" }).click();
      await looked(page, name("pair"));

      await settings.getByRole("link", { name: "Log" }).click();
      await expect(page.getByText("Anna added Mia")).toBeVisible();
      await looked(page, name("log"));
      await page.goto("/settings/people/nobody");
      await expect(page.getByRole("heading", { name: "Nobody here" })).toBeVisible();
      await looked(page, name("nobody"));
      expect(findings).toEqual([]);
      await context.close();
    });

    test(`the display is accessible: ${size}, ${colorScheme}`, async ({ browser, household }) => {
      const context = await browser.newContext({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        baseURL: household.url,
      });
      const page = await context.newPage();
      const findings = watched(page, household.url);
      const name = (what: string) => `${size}-${colorScheme}-display-${what}`;
      await page.goto("/kiosk/");
      await expect(page.getByRole("heading", { name: "Pair this display" })).toBeVisible();
      await looked(page, name("pairing"));

      const code = (await page.locator(".code").innerText()).replace(/\D/g, "");
      const kitchen = `Kitchen ${size} ${colorScheme}`;
      await household.ask("POST", "/api/devices/pairings/approve", { code, name: kitchen });
      await expect(page.getByRole("heading", { name: kitchen })).toBeVisible();
      await looked(page, name("clock"));

      const adult = await browser.newContext({
        ...device,
        colorScheme,
        storageState: household.signedIn,
        baseURL: household.url,
      });
      const settings = await adult.newPage();
      await settings.goto("/settings/devices");
      await expect(settings.getByText(kitchen, { exact: true })).toBeVisible();
      await looked(settings, `${size}-${colorScheme}-settings-displays-some`);
      await settings.goto("/kiosk/");
      await expect(settings.getByRole("heading", { name: "Somebody is signed in" })).toBeVisible();
      await looked(settings, name("occupied"));
      expect(findings).toEqual([]);
      await adult.close();
      await context.close();
    });
  }
}
