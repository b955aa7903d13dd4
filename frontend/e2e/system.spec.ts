/** The owner sees how their Parlor is. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, type Page, test as base } from "@playwright/test";

import { OWNER, watched } from "./fixtures.ts";
import { BRUNO, Household } from "./household.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";

const DAY = 86_400_000;

/** A house whose newest backup is old, until `makeBackup`. */
class Kept {
  readonly household: Household;
  readonly #folder: string;

  private constructor(household: Household, folder: string) {
    this.household = household;
    this.#folder = folder;
  }

  static async start(): Promise<Kept> {
    const folder = await mkdtemp(join(tmpdir(), "parlor-e2e-backups-"));
    const household = await Household.start({ PARLOR_BACKUP_DIR: folder });
    await household.add(BRUNO, "adult");
    const kept = new Kept(household, folder);
    await kept.makeBackup(new Date(Date.now() - 5 * DAY));
    return kept;
  }

  async makeBackup(at: Date): Promise<void> {
    const [stamp = ""] = at.toISOString().replace(/[-:]/g, "").split(".");
    await writeFile(join(this.#folder, `parlor-${stamp}Z.tar.gz.enc`), "");
  }

  async stop(): Promise<void> {
    await this.household.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const test = base.extend<object, { kept: Kept }>({
  kept: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const kept = await Kept.start();
      await use(kept);
      await kept.stop();
    },
    { scope: "worker" },
  ],
});

const account = (page: Page) =>
  page.getByRole("button", { name: "Anna Parlor needs attention", exact: true });
const settings = (page: Page) => page.getByRole("navigation", { name: "Settings" });
const group = (page: Page, name: string) => page.getByRole("list", { name, exact: true });

for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    test(`how it is can be read: ${size}, ${colorScheme}`, async ({ browser, kept }) => {
      const page = await kept.household.visit(browser, OWNER, {
        ...device,
        colorScheme,
        reducedMotion: "reduce",
      });
      const findings = watched(page, kept.household.url);
      const name = (what: string) => `${size}-${colorScheme}-system-${what}`;
      if (size === "phone") await page.getByRole("button", { name: "Show the list" }).click();
      await expect(account(page)).toBeVisible();
      await looked(page, name("dot"));
      await account(page).click();
      await looked(page, name("menu"));
      await page.getByRole("menuitem", { name: "Needs attention" }).click();
      await expect(group(page, "What to do")).toContainText("5 days old");
      await looked(page, name("page"));
      await page.getByRole("heading", { name: "Not set up" }).scrollIntoViewIfNeeded();
      await page.getByText("Started").scrollIntoViewIfNeeded();
      await looked(page, name("page-end"));
      expect(findings).toEqual([]);
      await page.context().close();
    });
  }
}

test("an adult is told nothing of it, and asks for nothing", async ({ browser, kept }) => {
  const page = await kept.household.visit(browser, BRUNO);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto("/settings/system");
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
  await expect(settings(page).getByRole("link", { name: "This Parlor" })).toHaveCount(0);
  // It would have been asked for by now.
  await page.clock.install();
  await page.reload();
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
  await page.clock.runFor(11 * 60_000);
  expect(asked.filter((path) => path === "/api/system")).toEqual([]);
  await page.context().close();
});

test("an owner's page asks soon, then every ten minutes while it is seen", async ({
  browser,
  kept,
}) => {
  const page = await kept.household.visit(browser);
  let asked = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/api/system")) asked += 1;
  });
  const turnTo = (state: string) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "visibilityState", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  const MINUTE = 60_000;
  await page.clock.install();
  await page.goto("/settings/account");
  await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
  await page.clock.runFor(MINUTE / 10);
  await expect.poll(() => asked).toBe(1);
  await page.clock.runFor(8 * MINUTE);
  expect(asked).toBe(1);
  await page.clock.runFor(4 * MINUTE);
  await expect.poll(() => asked).toBe(2);
  await turnTo("hidden");
  await page.clock.runFor(30 * MINUTE);
  expect(asked).toBe(2);
  await turnTo("visible");
  await expect.poll(() => asked).toBe(3);
  await page.context().close();
});

test("what cannot be read is said, and tried again", async ({ browser, kept }) => {
  const page = await kept.household.visit(browser);
  await page.route("**/api/system", (route) => route.abort());
  await page.goto("/settings/system");
  await expect(page.getByRole("main").getByRole("alert")).toBeVisible();
  await page.unroute("**/api/system");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("status").filter({ hasText: "attention" })).toBeVisible();
  await page.route("**/api/system", (route) => route.abort());
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("It could not be looked at again")).toBeVisible();
  await expect(group(page, "What to do")).toBeVisible();
  await page.context().close();
});

test("what was mended is gone from the page and the dot with it", async ({ browser }) => {
  const kept = await Kept.start();
  const page = await kept.household.visit(browser);
  await expect(account(page)).toBeVisible();
  await page.goto("/settings/account");
  const link = settings(page).getByRole("link", { name: "This Parlor needs attention" });
  await link.click();
  const ill = group(page, "What to do").getByRole("listitem");
  await expect(ill).toHaveCount(1);
  await expect(ill).toContainText(/Made 5 days ago \(\d+ \w+ \d{4}, \d\d:\d\d \S+\)/);
  await expect(ill.locator("code")).toHaveText("systemctl status parlor-backup");
  await expect(group(page, "In order")).toContainText(/GB are free|TB are free/);
  await expect(group(page, "Not set up")).toContainText("PARLOR_BACKUP_COPY_TO");
  await expect(page.getByText("One thing needs attention.")).toBeVisible();

  await kept.makeBackup(new Date());
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(page.getByText("Everything is in order.")).toBeVisible();
  await expect(group(page, "What to do")).toHaveCount(0);
  await expect(group(page, "In order")).toContainText("Made just now");
  await expect(settings(page).getByText("needs attention")).toHaveCount(0);
  await settings(page).getByRole("link", { name: "Back to the chat" }).click();
  await expect(page.getByRole("button", { name: "Anna", exact: true })).toBeVisible();
  await page.context().close();
  await kept.stop();
});
