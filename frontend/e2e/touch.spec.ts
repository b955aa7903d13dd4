/** With a finger: what a mouse would show by being there, and what a scroll bar would say. */
import { expect, test } from "./fixtures.ts";
import { SIZES } from "./looks.ts";

test.use(SIZES.phone);

test("a tap on a message shows what can be done with it; the latest answer shows it anyway", async ({
  chat,
}) => {
  const { page, questions, answers } = chat;
  await chat.open();
  await chat.askAndWait("first words");
  await chat.askAndWait("second words");
  const tools = questions.first().locator(".tools");
  await expect(answers.last().locator(".tools")).toHaveCSS("opacity", "1");
  for (const other of [tools, answers.first().locator(".tools")])
    await expect(other).toHaveCSS("opacity", "0");

  await questions.first().locator(".bubble").tap();
  await expect(tools).toHaveCSS("opacity", "1");
  await answers.first().locator(".answer").tap();
  await expect(tools).toHaveCSS("opacity", "0");
  await expect(answers.first().locator(".tools")).toHaveCSS("opacity", "1");
  await answers.first().locator(".answer").tap();
  await expect(answers.first().locator(".tools")).toHaveCSS("opacity", "0");

  await questions.first().locator(".bubble").tap();
  await questions.first().getByRole("button", { name: "Edit message" }).tap();
  await page.getByRole("textbox", { name: "Edit message" }).fill("first words, put better");
  await page.getByRole("button", { name: "Send", exact: true }).first().tap();
  await chat.answered();
  // That there are versions is worth knowing without a tap.
  await expect(tools).toHaveCSS("opacity", "1");
  await expect(tools).toContainText("2/2");
  // No keyboard comes up over what is being read.
  await expect(chat.field).not.toBeFocused();
});

test("whatever is chosen in the list closes it, also what is on the screen already", async ({
  chat,
}) => {
  const { page, list } = chat;
  const show = page.getByRole("button", { name: "Show the list" });
  await chat.open();
  await show.tap();
  await list.getByRole("button", { name: "New chat" }).tap();
  await expect(list).toBeHidden();
  await chat.askAndWait("hello from a phone");
  await show.tap();
  await list.getByRole("link", { name: "hello from a phone" }).tap();
  await expect(list).toBeHidden();
  await show.tap();
  await expect(list).toBeVisible();
});

test("code that is too wide says to which side it goes on", async ({ chat }) => {
  await chat.open();
  await chat.askAndWait("markdown");
  const code = chat.answers.last().getByRole("group", { name: "Code" }).last();
  await expect(code).toHaveAttribute("data-more", "end");
  await expect(code).toHaveAttribute("tabindex", "0");
  const scroll = (left: number) =>
    code.evaluate((box, to) => {
      box.scrollLeft = to;
    }, left);
  await scroll(40);
  await expect(code).toHaveAttribute("data-more", "both");
  await scroll(10_000);
  await expect(code).toHaveAttribute("data-more", "start");
  await chat.page.setViewportSize({ width: 1280, height: 800 });
  await expect(code).toHaveAttribute("data-more", "");
  await expect(code).not.toHaveAttribute("tabindex");
});
