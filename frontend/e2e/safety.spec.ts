import { expect, type Page, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";
import { owned, watched } from "./fixtures.ts";
import { PAYLOADS } from "./payloads.ts";
import { Upstream } from "./upstream.ts";

const IMAGE = "<img src=x onerror=window.hacked=1>";

type Cookies = Awaited<ReturnType<typeof owned>>;
interface Nasty {
  upstream: Upstream;
  appliance: Appliance;
  signedIn: Cookies;
}

/** A Parlor whose model says what it likes. */
const test = base.extend<object, { nasty: Nasty }>({
  nasty: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const upstream = new Upstream(["nasty", `evil${IMAGE}`]);
      const appliance = await Appliance.start({
        CHAT_LLM_API_BASE: await upstream.start(),
        PARLOR_CHAT_DEMO_TOOLS: "true",
      });
      await use({ upstream, appliance, signedIn: await owned(appliance) });
      await appliance.stop();
      upstream.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ nasty }, use) => use(nasty.appliance.url),
  storageState: async ({ nasty }, use) => use(nasty.signedIn),
});

/** Looks at every change of the page for what an answer may never put there. */
async function guarded(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const FORBIDDEN = "script, iframe, object, embed, base, link, meta, style, form form, img";
    const found: string[] = [];
    Object.assign(window, { found });
    const look = (node: Node) => {
      if (!(node instanceof Element)) return;
      for (const element of [node, ...node.querySelectorAll("*")]) {
        const attributes = element.getAttributeNames();
        const handler = attributes.find((name) => name.startsWith("on") || name === "srcdoc");
        const address = element.getAttribute("href") ?? element.getAttribute("action") ?? "";
        const inAnswer = element.closest("article, nav, header, [popover]") !== null;
        if (inAnswer && element.matches(FORBIDDEN)) found.push(element.outerHTML);
        if (inAnswer && handler !== undefined) found.push(element.outerHTML);
        if (/^\s*(javascript|data|vbscript):/i.test(address)) found.push(element.outerHTML);
      }
    };
    new MutationObserver((changes) => {
      for (const change of changes) {
        for (const node of change.addedNodes) look(node);
        if (change.type === "attributes") look(change.target);
      }
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
}

async function nothingHappened(page: Page, findings: string[]): Promise<void> {
  const state = await page.evaluate(() => {
    const { hacked, found } = window as unknown as { hacked?: number; found: string[] };
    return { hacked: hacked ?? null, found };
  });
  expect(state).toEqual({ hacked: null, found: [] });
  expect(findings).toEqual([]);
}

test(`${String(PAYLOADS.length)} payloads run nowhere and load nothing, at any cut`, async ({
  page,
  nasty,
}) => {
  test.setTimeout(120_000);
  const findings = watched(page, nasty.appliance.url);
  await guarded(page);
  const chat = new Chat(page);
  const third = Math.ceil(PAYLOADS.length / 3);
  for (const [round, piece] of [1, 3, 7].entries()) {
    const text = PAYLOADS.slice(round * third, (round + 1) * third).join("\n\n");
    nasty.upstream.answer = { text: `${text}\n\nThe end.`, piece, paced: piece < 3 };
    await chat.open();
    await chat.askAndWait(`payloads ${String(round)}`);
    await expect(chat.answers.last()).toContainText("The end.");
    await page.reload();
    await expect(chat.answers.last()).toContainText("The end.");
    await nothingHappened(page, findings);
  }
});

test("reasoning, tools, titles, names and models are words, whatever they say", async ({
  page,
  nasty,
}) => {
  const findings = watched(page, nasty.appliance.url);
  await guarded(page);
  const chat = new Chat(page);
  nasty.upstream.answer = {
    text: "The end.",
    reasoning: `I think ${IMAGE} and <script>window.hacked=1</script>.`,
    calls: [
      { name: "demo_echo", arguments: JSON.stringify({ text: IMAGE }) },
      { name: `x${IMAGE}`, arguments: IMAGE },
    ],
  };
  await chat.open();
  await chat.askAndWait(`question ${IMAGE}`);
  for (const fold of await chat.answers.last().locator("button[aria-expanded]").all()) {
    await fold.click();
  }
  await expect(chat.answers.last()).toContainText(IMAGE);
  await expect(chat.list.getByRole("link").first()).toContainText("question");
  await page.getByRole("button", { name: /^Model:/ }).click();
  await expect(page.getByRole("option", { name: /evil/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.reload();
  await expect(chat.answers.last()).toContainText("The end.");
  await nothingHappened(page, findings);
});

test("every page is sent with a policy that allows no inline script", async ({ page }) => {
  for (const path of ["/", "/login", "/c/x"]) {
    const response = await page.request.get(path);
    const policy = response.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain("unsafe");
  }
});
