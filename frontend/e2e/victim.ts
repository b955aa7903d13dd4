/** Whoever reads what a hostile model says: a Parlor, a browser that is watched, a page. */
import { expect, type Page, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";
import { owned, watched } from "./fixtures.ts";
import { changesOf, guarded, leaving, Recorded, stateOf, UNHARMED } from "./guards.ts";
import { type Answer, Upstream } from "./upstream.ts";

export { expect };

export const IMAGE = "<img src=x onerror=window.hacked=1>";

type Cookies = Awaited<ReturnType<typeof owned>>;
interface Nasty {
  upstream: Upstream;
  appliance: Appliance;
  signedIn: Cookies;
}

export interface Watched {
  page: Page;
  chat: Chat;
}

/** A Parlor whose model says what it likes, and a browser that nothing may harm or leave. */
export const test = base.extend<{ victim: Watched }, { nasty: Nasty }>({
  nasty: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const upstream = new Upstream(["nasty", `evil${IMAGE}`]);
      const appliance = await Appliance.start({
        CHAT_LLM_API_BASE: await upstream.start(),
        PARLOR_CHAT_DEMO_TOOLS: "true",
        PARLOR_OIDC_ISSUER: "https://127.0.0.1:9",
        PARLOR_OIDC_CLIENT_ID: "parlor",
        PARLOR_OIDC_CLIENT_SECRET: "not asked for",
        PARLOR_OIDC_NAME: IMAGE,
      });
      await use({ upstream, appliance, signedIn: await owned(appliance) });
      await appliance.stop();
      upstream.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ nasty }, use) => use(nasty.appliance.url),
  storageState: async ({ nasty }, use) => use(nasty.signedIn),

  victim: async ({ nasty, playwright, launchOptions, viewport }, use) => {
    const recorded = await Recorded.launch(playwright.chromium, launchOptions);
    const context = await recorded.browser.newContext({
      baseURL: nasty.appliance.url,
      storageState: nasty.signedIn,
      viewport,
    });
    const page = await context.newPage();
    const findings = watched(page, nasty.appliance.url);
    const left = await leaving(context, page);
    await guarded(context);
    await use({ page, chat: new Chat(page) });
    expect(await stateOf(page)).toEqual(UNHARMED);
    expect([...findings, ...left]).toEqual([]);
    expect(await recorded.names()).toEqual(new Set());
  },
});

const HALF_A_LINK = /\[[^[\]\n]{0,200}(?:\](?:\([^()\s]{0,500})?)?$/;

/** Pieces that change what is shown: half a link is not. */
function drawn({ text, piece = 1 }: Answer): number {
  const ends = Array.from({ length: Math.ceil(text.length / piece) }, (_, at) => (at + 1) * piece);
  return ends.filter((end) => !HALF_A_LINK.test(text.slice(0, end))).length;
}

/** Has it said, and looks at the page while that grows, when it is whole, and after a reload. */
export async function survives({ page, chat }: Watched, upstream: Upstream, answer: Answer) {
  upstream.answer = { paced: true, ...answer };
  await chat.open();
  await chat.askAndWait("payloads");
  // Most pieces were drawn before the next one came.
  expect(await changesOf(page)).toBeGreaterThan(drawn(answer) / 4);
  expect(await stateOf(page)).toEqual(UNHARMED);
  await page.reload();
  await chat.answered();
  expect(await stateOf(page)).toEqual(UNHARMED);
}
