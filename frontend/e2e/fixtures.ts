/** What the browser tests start from: a Parlor, an owner, and a page that is watched. */
import { type BrowserContext, expect, type Page, test as base } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { Chat } from "./chat.ts";

export { expect };

const PASSWORD = "lamplight nine";
export const OWNER = { username: "Anna", password: PASSWORD };

type Cookies = Awaited<ReturnType<BrowserContext["storageState"]>>;

interface WorkerFixtures {
  /** Shared by the tests of a worker: they only ever add conversations. */
  parlor: { appliance: Appliance; signedIn: Cookies };
}

interface TestFixtures {
  chat: Chat;
  /** A second window of the same person, as on another device. */
  secondChat: Chat;
}

/** Fails the test for a script error, a blocked script or style, or any request that leaves. */
export function watched(page: Page, origin: string): string[] {
  const findings: string[] = [];
  page.on("pageerror", (error) => findings.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy|TrustedHTML|Trusted Type/.test(text)) findings.push(text);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob|about):/.test(url)) findings.push(`left: ${url}`);
  });
  return findings;
}

export async function owned(appliance: Appliance): Promise<Cookies> {
  const code = new URL(appliance.setupLink).hash.replace("#code=", "");
  const response = await fetch(`${appliance.url}/api/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: appliance.url },
    body: JSON.stringify({ code, ...OWNER, display_name: OWNER.username }),
  });
  expect(response.status).toBe(201);
  const [pair = ""] = (response.headers.get("set-cookie") ?? "").split(";");
  const [name = "", value = ""] = pair.split("=");
  const cookie = {
    name,
    value,
    domain: "127.0.0.1",
    path: "/",
    expires: -1,
    httpOnly: true,
    secure: name.startsWith("__"),
    sameSite: "Lax" as const,
  };
  return { cookies: [cookie], origins: [] };
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  parlor: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const appliance = await Appliance.start();
      await use({ appliance, signedIn: await owned(appliance) });
      await appliance.stop();
    },
    { scope: "worker" },
  ],

  baseURL: async ({ parlor }, use) => use(parlor.appliance.url),
  storageState: async ({ parlor }, use) => use(parlor.signedIn),

  chat: async ({ page, parlor }, use) => {
    const findings = watched(page, parlor.appliance.url);
    await use(new Chat(page));
    expect(findings).toEqual([]);
  },

  secondChat: async ({ browser, parlor }, use) => {
    const context = await browser.newContext({
      baseURL: parlor.appliance.url,
      storageState: parlor.signedIn,
    });
    const page = await context.newPage();
    const findings = watched(page, parlor.appliance.url);
    await use(new Chat(page));
    expect(findings).toEqual([]);
    await context.close();
  },
});
