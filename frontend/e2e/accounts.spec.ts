import { expect, type Page, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";
import { OWNER, watched } from "./fixtures.ts";
import { BRUNO, Household, MIA, signIn } from "./household.ts";
import { looked } from "./looks.ts";

const WALL = { viewport: { width: 960, height: 480 }, hasTouch: true };

const test = base.extend<{ appliance: Appliance; household: Household }>({
  // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
  appliance: async ({}, use) => {
    const appliance = await Appliance.start();
    await use(appliance);
    await appliance.stop();
  },
  // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
  household: async ({}, use) => {
    const household = await Household.start();
    await use(household);
    await household.stop();
  },
});

async function openSettings(page: Page): Promise<void> {
  await page.getByRole("button", { name: OWNER.username }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
}

async function addPerson(page: Page, name: string, role: "Adult" | "Child"): Promise<string> {
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Add a person" }).click();
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("radio", { name: role }).check();
  const password = await dialog.getByLabel("Password").inputValue();
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await expect(dialog.getByRole("heading", { name: `${name} can sign in now` })).toBeVisible();
  await expect(dialog.getByText(password)).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("link", { name: new RegExp(name) })).toBeVisible();
  return password;
}

async function codeOn(display: Page): Promise<string> {
  await expect(display.getByRole("heading", { name: "Pair this display" })).toBeVisible();
  return (await display.locator(".code").innerText()).replace(/\D/g, "");
}

test("a family moves in: owner, adult, a child without money, and a display that goes again", async ({
  appliance,
  page,
  browser,
}) => {
  test.setTimeout(120_000);
  const findings = watched(page, appliance.url);

  // First run: the printed link makes the owner.
  await page.goto(appliance.setupLink);
  await page.getByLabel("Your name").fill(OWNER.username);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Open the parlor" }).click();
  await expect(page.getByRole("heading", { name: /Anna/ })).toBeVisible();

  // A second adult and a child, made by the owner.
  await openSettings(page);
  await page.getByRole("link", { name: "People" }).click();
  const brunos = await addPerson(page, "Bruno", "Adult");
  const mias = await addPerson(page, "Mia", "Child");

  // The child gets no money to spend.
  await page.getByRole("link", { name: /Mia/ }).click();
  await page.getByRole("switch", { name: "Money a day" }).check();
  await page.getByLabel("Dollars a day").fill("much");
  await page.getByRole("button", { name: "Save the limits" }).click();
  await expect(page.getByRole("alert")).toContainText("amount of dollars");
  await page.getByLabel("Dollars a day").fill("0");
  await page.getByRole("button", { name: "Save the limits" }).click();
  await expect(page.getByText("The limits are saved.")).toBeVisible();
  await expect(page.getByText("Today: $0.00 of $0.00")).toBeVisible();

  // The second adult signs in with what was handed over, and chats.
  const brunoPage = await (await browser.newContext({ baseURL: appliance.url })).newPage();
  await brunoPage.goto("/login");
  await signIn(brunoPage, { username: "Bruno", password: brunos });
  await new Chat(brunoPage).askAndWait("hello");

  // The child is refused with words, and keeps what was typed.
  const miaPage = await (await browser.newContext({ baseURL: appliance.url })).newPage();
  const miaFindings = watched(miaPage, appliance.url);
  const mia = new Chat(miaPage);
  await miaPage.goto("/login");
  await signIn(miaPage, { username: "Mia", password: mias });
  await mia.field.fill("why is the sky blue?");
  await miaPage.getByRole("button", { name: "Send", exact: true }).click();
  await expect(miaPage.locator("form.composer").getByRole("status")).toContainText("allowance");
  await expect(mia.field).toHaveValue("why is the sky blue?");
  await expect(mia.questions).toHaveCount(0);
  await miaPage.reload();
  await expect(mia.field).toHaveValue("why is the sky blue?");
  // And sees nothing of what is not hers.
  await miaPage.goto("/settings/people");
  await expect(miaPage.getByRole("heading", { name: "My account" })).toBeVisible();
  await expect(miaPage.getByRole("navigation").getByRole("link", { name: "People" })).toHaveCount(
    0,
  );
  await expect(miaPage.getByRole("heading", { name: "API keys" })).toHaveCount(0);

  // The second adult pairs a display with the code that it shows.
  const wall = await (await browser.newContext({ ...WALL, baseURL: appliance.url })).newPage();
  const wallFindings = watched(wall, appliance.url);
  await wall.goto("/kiosk/");
  const code = await codeOn(wall);
  await brunoPage.goto("/settings/devices");
  await brunoPage.getByRole("link", { name: "Pair a display" }).click();
  await brunoPage.getByLabel("Code on the display").fill("000001");
  await expect(brunoPage.getByRole("alert")).toBeVisible();
  await brunoPage.getByLabel("Code on the display").fill(code);
  await expect(brunoPage.getByText("Chrome on Linux")).toBeVisible();
  await brunoPage.getByLabel("Name of the display").fill("Kitchen");
  await brunoPage.getByRole("button", { name: "Let it in" }).click();
  await expect(brunoPage.getByText("Kitchen", { exact: true })).toBeVisible();
  await expect(wall.getByRole("heading", { name: "Kitchen" })).toBeVisible();
  await expect(brunoPage.getByText(/^On now/)).toBeVisible({ timeout: 15_000 });

  // Renamed over there, renamed here.
  await brunoPage.getByRole("button", { name: "Rename Kitchen" }).click();
  await brunoPage.getByRole("dialog").getByLabel("Name").fill("Pantry");
  await brunoPage.getByRole("button", { name: "Save" }).click();
  await expect(wall.getByRole("heading", { name: "Pantry" })).toBeVisible();

  // The owner takes it away: within five seconds it asks to be paired again.
  await page.getByRole("navigation").getByRole("link", { name: "Displays" }).click();
  await page.getByRole("button", { name: "Take away Pantry" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take away" }).click();
  await expect(wall.getByRole("heading", { name: "Pair this display" })).toBeVisible({
    timeout: 5000,
  });
  await expect(page.getByText("None yet.")).toBeVisible();

  // The log tells it all.
  await page.getByRole("navigation").getByRole("link", { name: "Log" }).click();
  for (const words of [
    "Anna set this Parlor up",
    "Anna added Bruno",
    "Anna changed Mia",
    "Bruno paired the display “Kitchen”",
    "Anna took the display “Pantry” away",
  ]) {
    await expect(page.getByText(words)).toBeVisible();
  }
  expect([...findings, ...miaFindings, ...wallFindings]).toEqual([]);
});

test("a display's QR leads through the login to the pairing", async ({ household, browser }) => {
  await household.add(BRUNO, "adult");
  await household.add(MIA, "child");
  const wall = await (await browser.newContext({ ...WALL, baseURL: household.url })).newPage();
  await wall.goto("/kiosk/");
  const code = await codeOn(wall);

  const phone = await (await browser.newContext({ baseURL: household.url })).newPage();
  await phone.goto(`/pair#code=${code}`);
  await expect(phone).toHaveURL(/\/login$/);
  await signIn(phone, BRUNO);
  await expect(phone).toHaveURL(/\/pair$/);
  await expect(phone.getByText(`${code.slice(0, 3)} ${code.slice(3)}`)).toBeVisible();
  await phone.getByLabel("Name of the display").fill("Hall");
  await phone.getByRole("button", { name: "Let it in" }).click();
  await expect(wall.getByRole("heading", { name: "Hall" })).toBeVisible();

  // A child is not asked.
  const child = await household.visit(browser, MIA);
  await child.goto(`/pair#code=${code}`);
  await expect(child.getByRole("heading", { name: "My account" })).toBeVisible();
});

test("a display is quiet about a break of the line and comes back by itself", async ({
  household,
  browser,
}) => {
  const wall = await (await browser.newContext({ ...WALL, baseURL: household.url })).newPage();
  await wall.goto("/kiosk/");
  const code = await codeOn(wall);
  await household.ask("POST", "/api/devices/pairings/approve", { code, name: "Hall" });
  await expect(wall.getByRole("heading", { name: "Hall" })).toBeVisible();
  await household.appliance.kill();
  await expect(wall.getByRole("status")).toContainText("Looking for Parlor");
  await expect(wall.getByRole("heading", { name: "Hall" })).toBeVisible();
  await household.appliance.startAgain();
  await expect(wall.getByRole("status")).toBeEmpty({ timeout: 20_000 });

  // The same browser is nobody in the chat, and somebody who signs in there is told at the wall.
  await wall.goto("/");
  await expect(wall).toHaveURL(/\/login$/);
  await signIn(wall, OWNER);
  await expect(new Chat(wall).field).toBeVisible();
  await wall.goto("/kiosk/");
  await wall.getByRole("button", { name: "Sign out and pair" }).click();
  await expect(wall.getByRole("heading", { name: "Hall" })).toBeVisible();
});

test("somebody is switched off and on, gets a new password, and is deleted: each at once", async ({
  household,
  browser,
}) => {
  await household.add(BRUNO, "adult");
  const bruno = await household.visit(browser, BRUNO);
  const owner = await household.visit(browser);
  await owner.goto("/settings/people");
  await owner.getByRole("link", { name: /Bruno/ }).click();
  await owner.getByRole("button", { name: "Switch off" }).click();
  await owner.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
  await expect(bruno).toHaveURL(/\/login$/);
  await signIn(bruno, BRUNO);
  await expect(bruno.getByRole("alert")).toBeVisible();
  await owner.getByRole("button", { name: "Switch on" }).click();
  await expect(owner.getByRole("button", { name: "Switch off" })).toBeVisible();
  await signIn(bruno, BRUNO);
  await expect(new Chat(bruno).field).toBeVisible();

  // A forgotten password: the owner makes another and hands it over.
  const dialog = owner.getByRole("dialog");
  await owner.getByRole("button", { name: "Reset" }).click();
  const password = await dialog.getByLabel("Password").inputValue();
  await dialog.getByRole("button", { name: "Reset" }).click();
  await expect(dialog.getByText(password)).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(bruno).toHaveURL(/\/login$/);
  await signIn(bruno, { ...BRUNO, password });
  await expect(new Chat(bruno).field).toBeVisible();

  await owner.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(owner.getByRole("heading", { name: "People" })).toBeVisible();
  await expect(owner.getByRole("link", { name: /Bruno/ })).toHaveCount(0);
  await expect(bruno).toHaveURL(/\/login$/);
});

test("outside their hours, or with a model that is not theirs, people are told so and keep their words", async ({
  household,
  browser,
}) => {
  const id = await household.add(MIA, "child", { hours: [] });
  const chat = new Chat(await household.visit(browser, MIA));
  const refusal = chat.page.locator("form.composer").getByRole("status");
  await chat.field.fill("hello?");
  await chat.field.press("Enter");
  await expect(refusal).toContainText("switched off");
  await chat.page.getByRole("button", { name: "Hide the reason" }).click();
  await expect(refusal).toBeEmpty();
  await expect(chat.field).toHaveValue("hello?");

  await household.ask("PATCH", `/api/people/${id}`, { limits: { models: [] } });
  await chat.field.press("Enter");
  await expect(refusal).toContainText("may not use the model");
  await looked(chat.page, "desktop-light-refused");
  // What was typed is sent as it stands, once it is allowed.
  await household.ask("PATCH", `/api/people/${id}`, { limits: {} });
  await chat.field.press("Enter");
  await chat.answered();
  await expect(refusal).toBeEmpty();
  await expect(chat.questions).toContainText("hello?");
});
