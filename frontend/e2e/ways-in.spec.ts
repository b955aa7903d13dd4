import { expect, test } from "@playwright/test";

import { OWNER } from "./fixtures.ts";
import { Household, signIn } from "./household.ts";
import { looked } from "./looks.ts";

test("other ways in are offered by their names, and refuse with words", async ({ browser }) => {
  const household = await Household.start({
    PARLOR_OIDC_ISSUER: "http://127.0.0.1:9",
    PARLOR_OIDC_CLIENT_ID: "parlor",
    PARLOR_OIDC_CLIENT_SECRET: "not a secret",
    PARLOR_OIDC_NAME: "Home Identity",
    PARLOR_ACCESS_TEAM: "https://example.cloudflareaccess.com",
    PARLOR_ACCESS_AUDIENCE: "parlor",
  });
  const page = await (await browser.newContext({ baseURL: household.url })).newPage();
  await page.goto("/settings/devices");
  await expect(page).toHaveURL(/\/login$/);
  await expect(page.getByRole("button", { name: "Sign in with Cloudflare Access" })).toBeEnabled();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await looked(page, "desktop-light-login-ways");
  await page.getByRole("button", { name: "Sign in with Cloudflare Access" }).click();
  await expect(page.getByRole("alert")).toBeVisible();

  // Nobody answers there: back at the login, with the reason.
  await page.getByRole("link", { name: "Sign in with Home Identity" }).click();
  await expect(page.getByRole("alert")).toContainText("could not sign you in");
  await signIn(page, OWNER);
  await expect(page).toHaveURL(/\/settings\/devices$/);

  // Another way in wants the password, and so does an address that may become one.
  await page.goto("/settings/account");
  await page.getByRole("button", { name: "Connect Home Identity" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your password").fill("a guess");
  await looked(page, "desktop-light-connect-account");
  await dialog.getByRole("button", { name: "Go there" }).click();
  await expect(dialog.getByRole("alert")).toContainText("That is not your password");
  await dialog.getByLabel("Your password").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Go there" }).click();
  await expect(dialog.getByRole("alert")).toContainText("did not work");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.goto("/settings/people");
  await page.getByRole("link", { name: OWNER.username }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await expect(dialog.getByLabel("Your password")).toBeHidden();
  await dialog.getByLabel("Email").fill("anna@home.example");
  await dialog.getByLabel("Your password").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Email: anna@home.example")).toBeVisible();
  await household.stop();
});
