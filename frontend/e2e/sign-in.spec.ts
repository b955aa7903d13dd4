import { expect, type Page, test as base } from "@playwright/test";

import { Chat } from "./chat.ts";
import { OWNER, watched } from "./fixtures.ts";
import { Household, signIn, totpCode } from "./household.ts";
import { looked } from "./looks.ts";

const test = base.extend<{ household: Household }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
  household: async ({}, use) => {
    const household = await Household.start();
    await use(household);
    await household.stop();
  },
});

async function signOut(page: Page): Promise<void> {
  await page.goto("/");
  await page.getByRole("button", { name: OWNER.username }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login$/);
}

test("the second step: set up, signed in with, recovered from, switched off", async ({
  household,
  browser,
}) => {
  test.setTimeout(90_000);
  const page = await household.visit(browser);
  const findings = watched(page, household.url);
  const dialog = page.getByRole("dialog");
  await page.goto("/settings/account");
  await page.getByRole("button", { name: "Set up" }).click();
  await dialog.getByLabel("Your password").fill("not the password");
  await dialog.getByRole("button", { name: "Go on" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Your password").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Go on" }).click();
  const secret = await dialog.locator("code").innerText();
  await dialog.getByLabel("Code from the app").fill(totpCode(secret));
  await dialog.getByRole("button", { name: "Switch on" }).click();
  const codes = dialog.getByRole("list", { name: "Recovery codes" }).locator("li");
  await expect(codes).toHaveCount(10);
  const recovery = await codes.first().innerText();
  await looked(page, "desktop-light-settings-recovery");
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Save as a file" }).click();
  expect((await download).suggestedFilename()).toBe("parlor-recovery-codes.txt");
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("10 recovery codes are left.")).toBeVisible();

  await signOut(page);
  await signIn(page, OWNER);
  await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
  await looked(page, "desktop-light-login-code");
  await page.getByLabel("Code from your authenticator app").fill("000000");
  await expect(page.getByRole("alert")).toBeVisible();
  // No code is taken twice, so this is the next one.
  await page.getByLabel("Code from your authenticator app").fill("");
  await page.getByLabel("Code from your authenticator app").fill(totpCode(secret, 1));
  await expect(new Chat(page).field).toBeVisible();

  await signOut(page);
  await signIn(page, OWNER);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recovery);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(new Chat(page).field).toBeVisible();

  await page.goto("/settings/account");
  await expect(page.getByText("9 recovery codes are left.")).toBeVisible();
  await page.getByRole("button", { name: "Switch off" }).click();
  await dialog.getByLabel("Your password").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByRole("button", { name: "Set up" })).toBeVisible();
  expect(findings).toEqual([]);
});

test("a passkey is added, signs in without a password, and is removed", async ({
  household,
  browser,
}) => {
  // Passkeys belong to a name; an address of numbers has none.
  const home = household.url.replace("127.0.0.1", "localhost");
  const context = await browser.newContext({ baseURL: home });
  const page = await context.newPage();
  const findings = watched(page, home);
  const browserItself = await context.newCDPSession(page);
  await browserItself.send("WebAuthn.enable");
  await browserItself.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const dialog = page.getByRole("dialog");

  await page.goto("/login");
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toHaveCount(0);
  await signIn(page, OWNER);
  await expect(new Chat(page).field).toBeVisible();
  await page.goto("/settings/account");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await dialog.getByLabel("Name").fill("Anna’s phone");
  await dialog.getByLabel("Your password").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Go on" }).click();
  const passkeys = page.getByRole("list", { name: "Passkeys" });
  await expect(passkeys).toContainText("Anna’s phone");
  await expect(passkeys).toContainText("never used yet");

  await signOut(page);
  await looked(page, "desktop-light-login-passkey");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(new Chat(page).field).toBeVisible();
  await page.goto("/settings/account");
  await expect(passkeys).toContainText("last used just now");

  await page.getByRole("button", { name: "Remove Anna’s phone" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("None yet.").first()).toBeVisible();
  await signOut(page);
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toHaveCount(0);
  expect(findings).toEqual([]);
  await context.close();
});

test("a session that is ended somewhere else is at the login at once", async ({
  household,
  browser,
}) => {
  const here = await household.visit(browser);
  const there = await household.visit(browser, OWNER, {
    userAgent:
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  });
  await here.goto("/settings/account");
  const sessions = here.getByRole("list", { name: "Sessions" });
  await expect(sessions.getByText("This one")).toHaveCount(1);
  await here.getByRole("button", { name: "Sign out Safari on iPhone" }).click();
  await here.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await expect(there).toHaveURL(/\/login$/, { timeout: 5000 });
  await expect(sessions.getByText("Safari on iPhone")).toHaveCount(0);

  // What was made through the API is a session as well.
  await here.getByRole("button", { name: "Sign out everywhere else" }).click();
  await here.getByRole("dialog").getByRole("button", { name: "Sign out all others" }).click();
  await expect(sessions.getByRole("listitem")).toHaveCount(1);
});

test("a new password ends the other sessions, and the old one opens nothing", async ({
  household,
  browser,
}) => {
  const here = await household.visit(browser);
  const there = await household.visit(browser);
  const dialog = here.getByRole("dialog");
  await here.goto("/settings/account");
  await here.getByRole("button", { name: "Change password" }).click();
  await dialog.getByLabel("Password now").fill("not the password");
  await dialog.getByLabel("New password").fill("a window on the sea");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Password now").fill(OWNER.password);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(here.getByText("Every other session has ended.")).toBeVisible();
  await expect(there).toHaveURL(/\/login$/, { timeout: 5000 });
  await signIn(there, OWNER);
  await expect(there.getByRole("alert")).toBeVisible();
  await signIn(there, { ...OWNER, password: "a window on the sea" });
  await expect(new Chat(there).field).toBeVisible();
});

test("an API key is shown once, opens what it may, and nothing when it is revoked", async ({
  household,
  browser,
}) => {
  const page = await household.visit(browser);
  const dialog = page.getByRole("dialog");
  await page.goto("/settings/account");
  await page.getByRole("button", { name: "Make a key" }).click();
  await dialog.getByLabel("Name").fill("Shell");
  await dialog.getByRole("checkbox", { name: /^Chat/ }).uncheck();
  await dialog.getByRole("radio", { name: "30 days" }).check();
  await dialog.getByRole("button", { name: "Make the key" }).click();
  const secret = await dialog.locator(".secret code").innerText();
  expect(secret).toMatch(/^parlor_key_/);
  // Neither Esc nor a slip of the finger loses it.
  await page.keyboard.press("Escape");
  await expect(dialog).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText(secret)).toHaveCount(0);

  const asked = async (method: string, path: string) => {
    const headers = { authorization: `Bearer ${secret}` };
    return (await fetch(household.url + path, { method, headers })).status;
  };
  expect(await asked("GET", "/api/conversations")).toBe(200);
  expect(await asked("GET", "/api/people")).toBe(403);
  expect(await asked("GET", "/api/auth/sessions")).toBe(403);

  await page.reload();
  await expect(page.getByRole("list", { name: "API keys" })).toContainText("last used just now");
  await page.getByRole("button", { name: "Revoke Shell" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByRole("button", { name: "Revoke Shell" })).toHaveCount(0);
  expect(await asked("GET", "/api/conversations")).toBe(401);
});

test("whoever guesses is asked to wait, with a clock that runs", async ({ household, browser }) => {
  const page = await (await browser.newContext({ baseURL: household.url })).newPage();
  await page.goto("/login");
  const timer = page.getByRole("timer");
  for (let guess = 0; guess < 8 && !(await timer.isVisible()); guess += 1) {
    await signIn(page, { username: OWNER.username, password: `guess number ${String(guess)}` });
    await expect(page.getByRole("alert")).toBeVisible();
    await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  }
  await expect(timer).toHaveText(/^\d+:\d\d$/);
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeDisabled();
  await looked(page, "desktop-light-login-wait");
  const before = await timer.innerText();
  await expect(timer).not.toHaveText(before);
});

test("why signing in elsewhere did not work is told in our own words", async ({
  household,
  browser,
}) => {
  const page = await (await browser.newContext({ baseURL: household.url })).newPage();
  await page.goto("/login#problem=oidc_unknown");
  await expect(page.getByRole("alert")).toContainText("belongs to nobody here");
  await expect(page).toHaveURL(/\/login$/);
  await page.goto("about:blank");
  await page.goto("/login#problem=Call%20this%20number");
  await expect(page.getByRole("alert")).toHaveText(/did not work/);
});
