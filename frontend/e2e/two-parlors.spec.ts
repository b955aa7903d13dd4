/** One Parlor uses the tools of another, after a sign-in over there. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { OWNER } from "./fixtures.ts";
import { Household, signIn } from "./household.ts";
import { looked } from "./looks.ts";

test("a server that wants a sign-in says what for, before anybody leaves for it", async ({
  browser,
}) => {
  test.setTimeout(60_000);
  const cousins = await Household.start();
  // Under another name than ours: cookies know no ports.
  const there = cousins.url.replace("127.0.0.1", "localhost");
  const folder = await mkdtemp(join(tmpdir(), "parlor-cousins-"));
  const definitions = join(folder, "mcp_servers.json");
  const servers = [{ id: "cousins", title: "Cousins", url: `${there}/mcp` }];
  await writeFile(definitions, JSON.stringify({ servers }));
  const home = await Household.start({
    MCP_SERVERS_PATH: definitions,
    PARLOR_LAN_ALLOW: new URL(there).host,
  });
  const context = await browser.newContext({ baseURL: home.url, storageState: home.signedIn });
  const page = await context.newPage();

  await page.goto("/settings/tools/cousins");
  await expect(page.getByText(/^Needs you to sign in since /)).toBeVisible({ timeout: 15_000 });
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in to Cousins" });
  await expect(dialog).toContainText(new URL(there).host);
  await expect(dialog.getByRole("listitem")).not.toHaveCount(0);
  await looked(page, "sign-in-away");
  await dialog.getByRole("button", { name: "Go there" }).click();

  await expect(page).toHaveURL(`${there}/login`);
  await signIn(page, OWNER);
  await expect(page.getByRole("heading", { name: "Let an app in?" })).toBeVisible();
  await looked(page, "consent-of-a-parlor");
  await page.getByRole("button", { name: "Allow", exact: true }).click();

  await expect(page.getByText("Signed in. Its tools may be used now.")).toBeVisible();
  expect(new URL(page.url()).origin).toBe(home.url);
  await page.getByRole("link", { name: /Cousins/ }).click();
  await expect(page.getByText("You are signed in there")).toBeVisible({ timeout: 15_000 });
  await expect(page.getByRole("list", { name: "Tools of Cousins" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("It wants to know who you are")).toBeVisible({ timeout: 15_000 });
  await context.close();
  await home.stop();
  await cousins.stop();
  await rm(folder, { recursive: true, force: true });
});
