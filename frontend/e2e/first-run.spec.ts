import { expect, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";
import { OWNER, watched } from "./fixtures.ts";

const test = base.extend<{ appliance: Appliance }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
  appliance: async ({}, use) => {
    const appliance = await Appliance.start();
    await use(appliance);
    await appliance.stop();
  },
});

test("the printed link makes the owner, who then chats, signs out and comes back", async ({
  appliance,
  page,
}) => {
  const findings = watched(page, appliance.url);
  const chat = new Chat(page);

  await page.goto(appliance.url);
  await expect(page).toHaveURL(/\/setup$/);
  await expect(page.getByLabel("Set-up code")).toBeVisible();

  await page.goto("about:blank");
  await page.goto(appliance.setupLink);
  await expect(page).toHaveURL(/\/setup$/);
  await expect(page.getByLabel("Set-up code")).toBeHidden();
  await page.getByLabel("Your name").fill(OWNER.username);
  await page.getByLabel("Password").fill("short");
  await expect(page.getByText("3 more to go.")).toBeVisible();
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Open the parlor" }).click();

  await expect(page.getByRole("heading", { name: /Anna/ })).toBeVisible();
  await expect(page.getByText("This is the demo model.")).toBeVisible();
  await chat.askAndWait("hello");
  await expect(chat.answers.last()).toContainText("demo");
  await expect(page).toHaveURL(/\/c\//);
  await expect(page).toHaveTitle(/Parlor$/);
  const conversation = new URL(page.url()).pathname;

  await page.getByRole("button", { name: OWNER.username }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login$/);

  // An old link leads through the login to where it points.
  await page.goto(appliance.url + conversation);
  await expect(page).toHaveURL(/\/login$/);
  await page.getByLabel("Name").fill(OWNER.username);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(appliance.url + conversation);
  await expect(chat.answers.last()).toContainText("demo");
  expect(findings).toEqual([]);
});

test("a wrong set-up code is refused in words and can be typed again", async ({
  appliance,
  page,
}) => {
  await page.goto(`${appliance.url}/setup#code=WRONG-WRONG-WRONG-WRONG`);
  await page.getByLabel("Your name").fill("Mallory");
  await page.getByLabel("Password").fill("long enough");
  await page.getByRole("button", { name: "Open the parlor" }).click();
  const code = page.getByLabel("Set-up code");
  await expect(code).toHaveValue("WRONG-WRONG-WRONG-WRONG");
  await expect(code).toHaveAttribute("aria-invalid", "true");
});
