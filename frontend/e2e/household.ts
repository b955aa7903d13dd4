/** A family in a Parlor, made through its API as the owner's browser would. */
import { createHmac } from "node:crypto";

import { type Browser, type BrowserContextOptions, expect, type Page } from "@playwright/test";

import { Appliance } from "./appliance.ts";
import { OWNER, owned } from "./fixtures.ts";

export const BRUNO = { username: "Bruno", password: "riverbank four" };
export const MIA = { username: "Mia", password: "marble sixteen" };

/** For a new browser where the tests' own ones are signed in. */
export const NOBODY = { cookies: [], origins: [] };

interface Limits {
  models?: string[];
  tools?: string[];
  hours?: { start: string; end: string }[];
  dollars_a_day?: number;
}

type Cookies = Awaited<ReturnType<typeof owned>>;

export class Household {
  readonly appliance: Appliance;
  readonly signedIn: Cookies;

  private constructor(appliance: Appliance, signedIn: Cookies) {
    this.appliance = appliance;
    this.signedIn = signedIn;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Household> {
    const appliance = await Appliance.start(settings);
    return new Household(appliance, await owned(appliance));
  }

  get url(): string {
    return this.appliance.url;
  }

  async stop(): Promise<void> {
    await this.appliance.stop();
  }

  /** Asks as the owner; gives the parsed answer. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const cookie = this.signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const headers: Record<string, string> = { cookie, origin: this.url };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    const response = await fetch(this.url + path, init);
    expect(response.ok, `${method} ${path}: ${String(response.status)}`).toBe(true);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  async add(
    person: { username: string; password: string },
    role: "adult" | "child",
    limits?: Limits,
  ): Promise<string> {
    const body = { ...person, display_name: person.username, role };
    const { user } = await this.ask<{ user: { id: string } }>("POST", "/api/auth/register", body);
    if (limits) await this.ask("PATCH", `/api/people/${user.id}`, { limits });
    return user.id;
  }

  /** A new browser, signed in by hand as somebody. */
  async visit(
    browser: Browser,
    person: { username: string; password: string } = OWNER,
    options: BrowserContextOptions = {},
  ): Promise<Page> {
    const context = await browser.newContext({ baseURL: this.url, ...options });
    const page = await context.newPage();
    await page.goto("/login");
    await signIn(page, person);
    await expect(page.getByRole("textbox", { name: "Message", exact: true })).toBeVisible();
    return page;
  }
}

export async function signIn(
  page: Page,
  { username, password }: { username: string; password: string },
): Promise<void> {
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

const STEP = 30_000;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 6238, so that a test can be somebody's authenticator app. `ahead`: steps from now. */
export function totpCode(secret: string, ahead = 0): string {
  const bits = Array.from(secret.replace(/\s|=/g, "").toUpperCase())
    .map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const bytes = bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP) + ahead));
  const hash = createHmac("sha1", Buffer.from(bytes)).update(counter).digest();
  const start = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(start) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
