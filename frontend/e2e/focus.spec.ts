/** Nobody is thrown about: neither the focus of who works with the keyboard, nor the words being read. */
import type { Locator, Page } from "@playwright/test";

import { expect, test } from "./fixtures.ts";

/** As a keyboard does it: to the button, then Enter. */
async function press(page: Page, name: string | RegExp, role: "button" | "menuitem" = "button") {
  const target = page.getByRole(role, { name, exact: true }).first();
  await target.focus();
  await page.keyboard.press("Enter");
}

test("the focus comes back from dialogs, renaming and editing", async ({ chat }) => {
  const { page } = chat;
  await chat.open();
  await chat.askAndWait("hello");
  const actions = page.getByRole("button", { name: "Actions for this conversation" });

  for (const leave of ["Keep", "Escape"]) {
    await press(page, "Actions for this conversation");
    await press(page, "Delete", "menuitem");
    await expect(page.getByRole("dialog")).toBeVisible();
    if (leave === "Keep") await press(page, leave);
    else await page.keyboard.press(leave);
    await expect(actions).toBeFocused();
  }

  for (const key of ["Enter", "Escape"]) {
    await press(page, "Actions for this conversation");
    await press(page, "Rename", "menuitem");
    await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
    await page.keyboard.press(key);
    await expect(page.getByRole("heading", { level: 1 }).getByRole("button")).toBeFocused();
  }

  await press(page, "Edit message");
  await expect(page.getByRole("textbox", { name: "Edit message" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Edit message" })).toBeFocused();
});

test("a button that goes with what it did hands the focus to the message field", async ({
  chat,
}) => {
  const { page, field } = chat;
  const editor = page.getByRole("textbox", { name: "Edit message" });
  await chat.open();
  await chat.askAndWait("hello");

  await press(page, "Regenerate");
  await expect(field).toBeFocused();
  await chat.answered();

  await press(page, "Edit message");
  await editor.fill("write something long");
  await page.keyboard.press("Control+Enter");
  await expect(field).toBeFocused();
  await press(page, "Stop");
  await expect(field).toBeFocused();
  await chat.answered();

  await press(page, "Edit message");
  await editor.press("Control+Enter");
  await expect(page.getByRole("button", { name: "Edit message" })).toBeFocused();

  await press(page, "Delete message");
  await press(page, "Delete");
  await expect(chat.questions).toContainText("hello");
  await expect(field).toBeFocused();
});

test("the focus stays with the switch from one version to the next, however late the server", async ({
  chat,
}) => {
  const { page } = chat;
  await chat.open();
  await chat.askAndWait("one");
  for (const words of ["two", "three"]) {
    await press(page, "Edit message");
    await page.getByRole("textbox", { name: "Edit message" }).fill(words);
    await page.keyboard.press("Control+Enter");
    await expect(chat.questions).toContainText(words);
    await chat.answered();
  }
  // What the server said of the first choice is heard after the second.
  let release = () => {};
  const late = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/api\/conversations\/\w+$/, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    await late;
    return route.fulfill({ response });
  });
  const before = page.getByRole("button", { name: "Version before" });
  const next = page.getByRole("button", { name: "Next version" });
  const first = page.waitForRequest(
    (request) => request.method() === "GET" && /\/conversations\/\w+$/.test(request.url()),
  );
  await press(page, "Version before");
  await expect(chat.questions).toContainText("two");
  await expect(before).toBeFocused();
  await first;
  await page.keyboard.press("Enter");
  await expect(chat.questions).toContainText("one");
  await expect(next).toBeFocused();
  release();
  await page.unrouteAll({ behavior: "wait" });
  await expect(chat.questions).toContainText("one");
  await expect(next).toBeFocused();
});

test("the list is left by the button that brings it back, wide and narrow", async ({ chat }) => {
  const { page } = chat;
  await chat.open();
  const show = page.getByRole("button", { name: "Show the list" });
  const hide = page.getByRole("button", { name: "Hide the list" });
  await press(page, "Hide the list");
  await expect(show).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(hide).toBeFocused();

  await page.setViewportSize({ width: 600, height: 800 });
  await press(page, "Show the list");
  await expect(hide).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(show).toBeFocused();
});

test("the first Tab leads past the list, and a suggestion to the next message", async ({
  chat,
}) => {
  const { page } = chat;
  await chat.open();
  await page.reload();
  await expect(chat.field).toBeFocused();
  await chat.field.evaluate((field: HTMLElement) => {
    field.blur();
  });
  await page.getByRole("button", { name: "Skip to the message field" }).focus();
  await expect(page.getByRole("button", { name: "Skip to the message field" })).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(chat.field).toBeFocused();
  await press(page, "Show me some markdown");
  await expect(chat.field).toBeFocused();
  await chat.answered();
});

test("a dialog stays open when a selection is drawn out of its field", async ({ chat }) => {
  const { page } = chat;
  await page.goto("/settings/tools");
  await page.getByRole("button", { name: "Add a server" }).click();
  const field = page.getByRole("dialog").getByLabel("Address");
  await field.fill("https://tools.example/mcp");
  const box = await field.boundingBox();
  if (!box) throw new Error("the field is not drawn");
  await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x - 200, box.y + 5, { steps: 4 });
  await page.mouse.up();
  await expect(field).toHaveValue("https://tools.example/mcp");
  await page.mouse.click(box.x - 200, box.y + 5);
  await expect(field).toHaveCount(0);
});

test("keys that finish a word being put together do nothing else", async ({ chat }) => {
  const { page, field } = chat;
  const compose = (target: Locator, key: string, how: object) =>
    target.dispatchEvent("keydown", { key, bubbles: true, cancelable: true, ...how });
  await chat.open();
  await chat.askAndWait("hello");
  // As most browsers tell it, and as Safari tells the last key.
  for (const how of [{ isComposing: true }, { keyCode: 229 }]) {
    await field.fill("half a wo");
    await compose(field, "Enter", how);
    await expect(field).toHaveValue("half a wo");

    await press(page, "Actions for this conversation");
    await press(page, "Rename", "menuitem");
    const title = page.getByRole("textbox", { name: "Title" });
    await title.fill("half a ti");
    await compose(title, "Enter", how);
    await expect(title).toBeFocused();
    await page.keyboard.press("Escape");

    await press(page, "Edit message");
    const editor = page.getByRole("textbox", { name: "Edit message" });
    await editor.fill("half a me");
    await compose(editor, "Escape", how);
    await expect(editor).toHaveValue("half a me");
    await page.keyboard.press("Escape");
  }
  await field.fill("write something long");
  await page.keyboard.press("Enter");
  await expect(chat.stopButton).toBeVisible();
  await compose(field, "Escape", { isComposing: true });
  await expect(chat.answers.last()).not.toContainText("Stopping");
  await expect(chat.stopButton).toBeEnabled();
  await page.keyboard.press("Escape");
  await chat.answered();
});

test("words stay where they are when an answer begins and when it ends", async ({ chat }) => {
  const { page } = chat;
  // So high that nothing has to scroll.
  await page.setViewportSize({ width: 1280, height: 2400 });
  await chat.open();
  await page.evaluate(() => {
    const seen = new Set<string>();
    Object.assign(window, { seen });
    const look = () => {
      const answer = document.querySelector("article.assistant .answer");
      const whole = answer?.closest("article");
      if (answer && whole) {
        const [words, all] = [answer.getBoundingClientRect(), whole.getBoundingClientRect()];
        seen.add(
          `${words.top.toFixed()} from the top, ${(all.bottom - words.bottom).toFixed()} below`,
        );
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await chat.ask("hello");
  await chat.answered();
  const seen = await page.evaluate(() => [...(window as unknown as { seen: Set<string> }).seen]);
  expect(seen).toHaveLength(1);
});
