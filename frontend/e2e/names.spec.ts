/** Field notes 3.1, X3 and X5: names that people, programs and displays give themselves. */
import type { APIRequestContext, BrowserContext, Page } from "@playwright/test";

import { OWNER, watched } from "./fixtures.ts";
import { guarded, stateOf, UNHARMED } from "./guards.ts";
import { expect, IMAGE, test } from "./victim.ts";

const SCRIPT = "</title><script>window.hacked=1</script>";

async function made<T>(asked: ReturnType<APIRequestContext["post"]>): Promise<T> {
  const answer = await asked;
  expect(answer.ok(), await answer.text()).toBe(true);
  return (answer.status() === 204 ? {} : await answer.json()) as T;
}

/** Opens it and looks around, also in what stands behind its buttons. */
async function visits(page: Page, path: string, ...words: string[]): Promise<void> {
  await page.goto(path);
  for (const word of words) await expect(page.getByText(word).first()).toBeVisible();
  for (const name of [/^Rename/, /^Take /, /^(Delete|Revoke|End|Sign out)/]) {
    const button = page.getByRole("main").getByRole("button", { name }).first();
    if (!(await button.isVisible()) || !(await button.isEnabled())) continue;
    await button.click();
    await page.keyboard.press("Escape");
  }
  expect(await stateOf(page)).toEqual(UNHARMED);
}

interface Pairing {
  code: string;
  secret: string;
}

const AGENT = { "user-agent": `Mozilla/5.0 Firefox/${IMAGE} ${SCRIPT}` };

async function paired(page: Page, wall: BrowserContext): Promise<void> {
  const api = "/api/devices/pairings";
  const opened = await made<Pairing>(wall.request.post(api, { headers: AGENT, data: {} }));
  await visits(page, `/pair#code=${opened.code}`, "Firefox");
  const approval = { code: opened.code, name: IMAGE };
  await made(page.request.post(`${api}/approve`, { data: approval }));
  await made(wall.request.post(`${api}/claim`, { data: { secret: opened.secret } }));
}

test("X3 names of people, keys, sessions and displays are words on every screen", async ({
  victim: { page },
  browser,
  nasty,
}) => {
  const baseURL = nasty.appliance.url;
  const { request } = page;
  await made(request.patch("/api/auth/me", { data: { display_name: `Anna ${IMAGE}` } }));
  const person = { username: "bob.o-b@x", password: "a longer word", display_name: IMAGE };
  const mail = { email: "b'o+b@x.invalid" };
  const { user } = await made<{ user: { id: string } }>(
    request.post("/api/auth/register", { data: { ...person, ...mail } }),
  );
  await made(request.post("/api/auth/keys", { data: { name: IMAGE, scopes: ["read"] } }));
  for (const { username, password } of [person, OWNER]) {
    // As somebody else's browser: this one's cookie stays.
    const elsewhere = await fetch(`${baseURL}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json", ...AGENT },
      body: JSON.stringify({ username, password, mode: "session" }),
    });
    expect(elsewhere.ok).toBe(true);
  }
  const wall = await browser.newContext({ baseURL, storageState: { cookies: [], origins: [] } });
  await paired(page, wall);
  await visits(page, "/settings/account", `Anna ${IMAGE}`, IMAGE, "Firefox");
  await visits(page, "/settings/people", IMAGE);
  await visits(page, `/settings/people/${user.id}`, IMAGE);
  await visits(page, "/settings/devices", IMAGE);
  await visits(page, "/settings/log", "display");

  await guarded(wall);
  const kiosk = await wall.newPage();
  const findings = watched(kiosk, baseURL);
  await visits(kiosk, "/kiosk/", IMAGE);
  expect(findings).toEqual([]);
  await wall.close();
});

test("X5 words of the operator are words on the page where nobody is signed in yet", async ({
  browser,
  nasty,
}) => {
  const baseURL = nasty.appliance.url;
  const strangers = await browser.newContext({
    baseURL,
    storageState: { cookies: [], origins: [] },
  });
  await guarded(strangers);
  const page = await strangers.newPage();
  const findings = watched(page, baseURL);
  await visits(page, "/login", IMAGE);
  expect(findings).toEqual([]);
  await strangers.close();
});
