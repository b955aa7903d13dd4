/** Nobody is thrown about: neither the focus of who works with the keyboard, nor the words being read. */
import type { Page } from "@playwright/test";

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
