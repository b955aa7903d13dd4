import { type Browser, expect, type Page } from "@playwright/test";

import { OWNER, watched } from "./fixtures.ts";
import { MIA, NOBODY, signIn } from "./household.ts";
import { Program } from "./program.ts";
import { test as base } from "./study.ts";

const test = base.extend<{ program: Program }>({
  program: async ({ study }, use) => {
    const program = await new Program(study.household.url).start("<i>Note</i>book\u202E");
    await use(program);
    program.stop();
  },
});

async function stranger(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({
    baseURL: url,
    storageState: NOBODY,
  });
  return context.newPage();
}

test("O4 an app is let in by a person who looked, works, and is locked out again", async ({
  page,
  program,
  study,
}) => {
  const findings = watched(page, study.household.url);
  await page.goto(program.page());
  await expect(page.getByRole("heading", { name: "Let an app in?" })).toBeVisible();
  // What it says of itself is text, without letters that turn others around.
  await expect(page.getByText("<i>Note</i>book")).toBeVisible();
  await expect(page.getByText("a program on this device")).toBeVisible();
  await expect(page.getByText("Ask models as you")).toBeVisible();
  await expect(page.getByText("Use your tools")).toBeVisible();
  await expect(page.getByText("nobody vouches for it")).toBeVisible();
  expect(findings).toEqual([]);
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Back in Notebook" })).toBeVisible();
  expect(program.answer?.get("state")).toBe("a state & more");
  const token = await program.token();
  expect(await program.asks(token)).toBe(200);

  await page.goto(program.page());
  await expect(page.getByText("You have let it in before")).toBeVisible();

  await page.goto("/settings/account");
  const apps = page.getByRole("list", { name: "Connected apps" });
  await expect(apps).toContainText("<i>Note</i>book");
  await expect(apps).toContainText("May ask models as you, use your tools.");
  await apps.getByRole("button", { name: /^Disconnect/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await expect(apps).toBeHidden();
  expect(await program.asks(token)).toBe(401);
});

test("a no is told to the app, and gives it nothing", async ({ page, program }) => {
  await page.goto(program.page({ scope: "tools" }));
  await expect(page.getByText("Use your tools")).toBeVisible();
  await expect(page.getByText("Ask models as you")).toBeHidden();
  await page.getByRole("button", { name: "Don’t allow" }).click();
  await expect(page.getByRole("heading", { name: "Back in Notebook" })).toBeVisible();
  expect(program.answer?.get("error")).toBe("access_denied");
  expect(program.answer?.has("code")).toBe(false);
});

test("whoever is not signed in does that first, and comes back to the same question", async ({
  browser,
  program,
  study,
}) => {
  const page = await stranger(browser, study.household.url);
  await page.goto(program.page());
  await expect(page).toHaveURL(/\/login$/);
  await signIn(page, OWNER);
  await expect(page.getByRole("heading", { name: "Let an app in?" })).toBeVisible();
  await page.reload();
  await expect(page.getByText("<i>Note</i>book")).toBeVisible();
  await page.getByRole("button", { name: "Don’t allow" }).click();
  await expect(page.getByRole("heading", { name: "Back in Notebook" })).toBeVisible();
  await page.context().close();
});

test("a child lets no apps in", async ({ browser, program, study }) => {
  await study.household.add(MIA, "child");
  const page = await study.household.visit(browser, MIA, { storageState: NOBODY });
  await page.goto(program.page());
  await expect(page.getByText(/A child’s account lets no apps in/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Allow" })).toBeHidden();
  await page.goto("/settings/account");
  await expect(page.getByRole("heading", { name: "Sessions" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Connected apps" })).toBeHidden();
  await page.context().close();
});

test("O5 a request that is not right leads nowhere, and says why", async ({ page, program }) => {
  const wrong = [
    { redirect_uri: "https://elsewhere.example/back" },
    { client_id: "nobody" },
    { code_challenge_method: "plain" },
    { resource: "https://elsewhere.example/mcp" },
  ];
  for (const changes of wrong) {
    await page.goto(program.page(changes));
    await expect(page.getByRole("heading", { name: "This does not work" })).toBeVisible();
    await expect(page.getByText("Nothing was given to the app.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Allow" })).toBeHidden();
  }
  expect(program.answer).toBeNull();
});

test("what was asked too long ago is not decided any more", async ({ page, program }) => {
  await page.goto(program.page());
  await expect(page.getByRole("heading", { name: "Let an app in?" })).toBeVisible();
  // Decided in another window in the meantime, with the very same question.
  await page.route("**/api/auth/apps/decide", async (route) => {
    await route.fetch();
    await route.continue();
  });
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await expect(page.getByText(/asked too long ago, or answered already/)).toBeVisible();
  await expect(page.getByText("Nothing was given to the app.")).toBeVisible();
});
