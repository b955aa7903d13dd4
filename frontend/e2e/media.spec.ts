/** What a tool gives to be seen or heard stands in its answer, now and after a reload. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, type Page, test as base } from "@playwright/test";

import { Chat } from "./chat.ts";
import { watched } from "./fixtures.ts";
import { Household } from "./household.ts";
import { looked, SCHEMES, SIZES } from "./looks.ts";
import { audio, image, png, wav } from "./media.ts";
import { Shifty } from "./shifty.ts";
import { Upstream } from "./upstream.ts";

class Darkroom {
  readonly #upstream = new Upstream(["handy"]);
  readonly #camera = new Shifty();
  #household: Household | null = null;
  #folder = "";

  get household(): Household {
    if (!this.#household) throw new Error("not started");
    return this.#household;
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "parlor-darkroom-"));
    const definitions = join(this.#folder, "mcp_servers.json");
    const servers = [{ id: "camera", title: "Camera", url: await this.#camera.start() }];
    await writeFile(definitions, JSON.stringify({ servers }));
    this.#household = await Household.start({
      CHAT_LLM_API_BASE: await this.#upstream.start(),
      MCP_SERVERS_PATH: definitions,
    });
    const choice = { server_id: "camera", tool_name: "read_letters", choice: "allow" };
    await expect
      .poll(async () => {
        const found = await this.household.ask<{ servers: { state: string }[] }>(
          "GET",
          "/api/mcp/servers",
        );
        return found.servers[0]?.state;
      })
      .toBe("ready");
    await this.household.ask("PUT", "/api/mcp/policy", choice);
  }

  /** What the tool gives when the model asks for it with the next message. */
  gives(...content: object[]): void {
    this.#camera.content = content;
    this.#upstream.answer = {
      text: "There you are.",
      calls: [{ name: "read_letters", arguments: "{}" }],
    };
  }

  get heard(): string {
    return this.#upstream.heard.at(-1) ?? "";
  }

  async stop(): Promise<void> {
    await this.#household?.stop();
    await rm(this.#folder, { recursive: true, force: true });
    this.#camera.stop();
    this.#upstream.stop();
  }
}

const test = base.extend<{ chat: Chat }, { darkroom: Darkroom }>({
  darkroom: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const darkroom = new Darkroom();
      await darkroom.start();
      await use(darkroom);
      await darkroom.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ darkroom }, use) => use(darkroom.household.url),
  storageState: async ({ darkroom }, use) => use(darkroom.household.signedIn),
  chat: async ({ page, darkroom }, use) => {
    const findings = watched(page, darkroom.household.url);
    await use(new Chat(page));
    expect(findings).toEqual([]);
  },
});

const thumbnail = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** How wide the picture itself is, 0 when it is not there. */
async function drawn(page: Page, name: string): Promise<number> {
  return thumbnail(page, name)
    .getByRole("img")
    .evaluate((picture: HTMLImageElement) => picture.naturalWidth);
}

test("a picture is seen at once, after a reload too, and large by keyboard", async ({
  chat,
  darkroom,
}) => {
  const { page } = chat;
  const name = "Picture from Read letters";
  darkroom.gives(image(png(640, 400)));
  await chat.open();
  await chat.askAndWait("show me the garden");
  await expect.poll(() => drawn(page, name)).toBe(640);
  expect(darkroom.heard).toMatch(/\[image, image\/png, \d+ kB: shown to the person\]/);
  await page.reload();
  await expect.poll(() => drawn(page, name)).toBe(640);

  await thumbnail(page, name).focus();
  await page.keyboard.press("Enter");
  const large = page.getByRole("dialog", { name });
  await expect(large.getByRole("img", { name })).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Escape");
  await expect(large).toBeHidden();
  await expect(thumbnail(page, name)).toBeFocused();
  await page.keyboard.press("Enter");
  await large.getByRole("button", { name: "Close" }).click();
  await expect(large).toBeHidden();
  await expect(thumbnail(page, name)).toBeFocused();
});

test("a sound can be played, and fetches nothing before", async ({ chat, darkroom }) => {
  const { page } = chat;
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/uploads/")) asked.push(request.url());
  });
  darkroom.gives(audio(wav()));
  await chat.open();
  await chat.askAndWait("what does it sound like");
  const sound = page.locator("audio[aria-label='Sound from Read letters']");
  await expect(sound).toBeVisible();
  expect(asked).toEqual([]);
  const length = await sound.evaluate(async (player: HTMLAudioElement) => {
    player.muted = true;
    await player.play();
    return player.duration;
  });
  expect(length).toBeCloseTo(1, 1);
  expect(asked.length).toBeGreaterThan(0);
});

test("what is no picture is never shown as one, and what is broken says so", async ({
  chat,
  darkroom,
}) => {
  const { page } = chat;
  const nasty = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="window.hacked=1"/>');
  const broken = Buffer.concat([png(1, 1).subarray(0, 8), Buffer.from("and then nothing")]);
  darkroom.gives(image(nasty), image(broken), image(png(8, 8), "image/gif"));
  await chat.open();
  await chat.askAndWait("show me something odd");
  await expect(
    page.getByText(/^Picture 1 of 2 from Read letters: it cannot be shown/),
  ).toBeVisible();
  await expect.poll(() => drawn(page, "Picture 2 of 2 from Read letters")).toBe(8);
  await expect(chat.answers.last().getByRole("img")).toHaveCount(1);
  await chat.answers
    .last()
    .getByRole("button", { name: /^Read letters/ })
    .click();
  await expect(chat.answers.last()).toContainText("not what it says, but image/svg+xml");
  await expect(chat.answers.last()).toContainText("shown to the person as image/png, which it is");
});

test("pictures are looked at in every size and theme", async ({ browser, darkroom }) => {
  test.setTimeout(90_000);
  darkroom.gives(image(png(640, 400)), image(png(300, 900)), image(png(14, 14)), audio(wav()));
  for (const [size, device] of Object.entries(SIZES)) {
    for (const colorScheme of SCHEMES) {
      const context = await browser.newContext({
        ...device,
        colorScheme,
        baseURL: darkroom.household.url,
        storageState: darkroom.household.signedIn,
      });
      const page = await context.newPage();
      const chat = new Chat(page);
      await chat.open();
      await chat.askAndWait("show me the garden");
      await expect.poll(() => drawn(page, "Picture 3 of 3 from Read letters")).toBe(14);
      await looked(page, `media-${size}-${colorScheme}`);
      await thumbnail(page, "Picture 2 of 3 from Read letters").click();
      const large = page.getByRole("dialog").getByRole("img");
      await expect(large).toBeInViewport({ ratio: 1 });
      await looked(page, `media-large-${size}-${colorScheme}`);
      await context.close();
    }
  }
});
