import { Chat } from "./chat.ts";
import { expect, OWNER, test, watched } from "./fixtures.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";

for (const [size, device] of Object.entries(SIZES)) {
  for (const colorScheme of SCHEMES) {
    test(`every screen is accessible: ${size}, ${colorScheme}`, async ({ browser, parlor }) => {
      test.setTimeout(90_000);
      const context = await browser.newContext({
        ...device,
        colorScheme,
        reducedMotion: "reduce",
        storageState: { cookies: [], origins: [] },
        baseURL: parlor.appliance.url,
      });
      const page = await context.newPage();
      const findings = watched(page, parlor.appliance.url);
      const chat = new Chat(page);
      const name = (what: string) => `${size}-${colorScheme}-${what}`;

      await page.goto("/login");
      await expect(page.getByLabel("Name")).toBeVisible();
      await looked(page, name("login"));
      await page.getByLabel("Name").fill(OWNER.username);
      await page.getByLabel("Password").fill(OWNER.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(chat.field).toBeVisible();
      await looked(page, name("welcome"));

      await chat.ask("reason about it");
      await expect(page.getByRole("button", { name: /^Thinking/ })).toBeVisible();
      await looked(page, name("thinking"));
      await chat.answered();
      await page.getByRole("button", { name: /^Thought/ }).click();
      await looked(page, name("thought"));

      await chat.askAndWait("markdown");
      await looked(page, name("markdown"));
      for (const what of ["Code", "Lists"]) {
        await chat.answers.last().getByRole("heading", { name: what }).scrollIntoViewIfNeeded();
        await looked(page, name(`markdown-${what.toLowerCase()}`));
      }

      await chat.askAndWait("use a tool");
      await page.getByRole("button", { name: /^Demo echo/ }).click();
      await looked(page, name("tools"));
      await chat.askAndWait("please fail");
      await looked(page, name("failed"));

      await page.getByRole("button", { name: /^Model:/ }).click();
      await expect(page.getByRole("option").first()).toBeVisible();
      await looked(page, name("models"));
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Actions for this conversation" }).click();
      await looked(page, name("menu"));
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await looked(page, name("dialog"));
      await page.getByRole("button", { name: "Keep" }).click();

      await chat.pointAt(chat.questions.last());
      await chat.questions.last().getByRole("button", { name: "Edit message" }).click();
      await looked(page, name("edit"));
      if (size === "phone") await page.getByRole("button", { name: "Show the list" }).click();
      await expect(chat.list).toBeVisible();
      await looked(page, name("list"));

      await page.goto("/c/conv_gone");
      await expect(page.getByRole("heading", { name: /gone/ })).toBeVisible();
      await looked(page, name("gone"));
      expect(findings).toEqual([]);
      await context.close();
    });
  }
}

test("the theme is chosen, kept, and there before the first frame", async ({ chat }) => {
  await chat.open();
  const theme = () => chat.page.evaluate(() => document.documentElement.dataset["theme"]);
  expect(await theme()).toBe("light");
  await chat.page.getByRole("button", { name: OWNER.username }).click();
  await chat.page.getByRole("menuitemradio", { name: "Dark" }).click();
  expect(await theme()).toBe("dark");
  await chat.page.reload({ waitUntil: "commit" });
  await chat.page.waitForFunction(() => document.documentElement.dataset["theme"] === "dark");
  await expect(chat.field).toBeVisible();
  expect(await theme()).toBe("dark");
});

test("with the keyboard alone a person asks, reads and copies", async ({ chat, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { page } = chat;
  await chat.open();
  await expect(chat.field).toBeFocused();
  await page.keyboard.type("hello");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("again");
  await page.keyboard.press("Enter");
  await chat.answered();
  await expect(chat.questions.last()).toContainText("hello\nagain");
  await chat.answers.last().getByRole("button", { name: "Copy answer" }).focus();
  await page.keyboard.press("Enter");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await chat.storedText());
});
