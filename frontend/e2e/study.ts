/** A Parlor with a bookshelf beside it, whose model answers what a test wants; and a letterbox that
 * the owner may add. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test as base } from "@playwright/test";

import { Bookshelf } from "./bookshelf.ts";
import { Chat } from "./chat.ts";
import { watched } from "./fixtures.ts";
import { Household } from "./household.ts";
import { Shifty } from "./shifty.ts";
import { Upstream } from "./upstream.ts";

export class Study {
  readonly upstream: Upstream;
  readonly shelf: Bookshelf;
  readonly household: Household;
  /** Of a server that nobody has added so far, and that this Parlor may reach. */
  readonly letterbox: string;
  readonly #stop: () => Promise<void>;

  private constructor(
    upstream: Upstream,
    shelf: Bookshelf,
    household: Household,
    letterbox: string,
    stop: () => Promise<void>,
  ) {
    this.upstream = upstream;
    this.shelf = shelf;
    this.household = household;
    this.letterbox = letterbox;
    this.#stop = stop;
  }

  /** `spice`: see Bookshelf. */
  static async start(spice = "", settings: Readonly<Record<string, string>> = {}): Promise<Study> {
    const upstream = new Upstream(["handy"]);
    const shelf = new Bookshelf(spice);
    const letterbox = new Shifty();
    const address = await letterbox.start();
    const folder = await mkdtemp(join(tmpdir(), "parlor-study-"));
    const definitions = join(folder, "mcp_servers.json");
    const servers = [{ id: "shelf", title: `Bookshelf${spice}`, url: await shelf.start() }];
    await writeFile(definitions, JSON.stringify({ servers }));
    const household = await Household.start({
      CHAT_LLM_API_BASE: await upstream.start(),
      MCP_SERVERS_PATH: definitions,
      PARLOR_LAN_ALLOW: new URL(address).host,
      ...settings,
    });
    const study = new Study(upstream, shelf, household, address, async () => {
      await household.stop();
      await rm(folder, { recursive: true, force: true });
      for (const server of [shelf, letterbox, upstream]) server.stop();
    });
    await study.ready("shelf");
    return study;
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  async ready(id: string): Promise<void> {
    await expect
      .poll(async () => {
        const { servers } = await this.household.ask<{ servers: { id: string; state: string }[] }>(
          "GET",
          "/api/mcp/servers",
        );
        return servers.find((one) => one.id === id)?.state;
      })
      .toBe("ready");
  }
}

export const test = base.extend<{ chat: Chat }, { study: Study }>({
  study: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const study = await Study.start();
      await use(study);
      await study.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ study }, use) => use(study.household.url),
  storageState: async ({ study }, use) => use(study.household.signedIn),
  chat: async ({ page, study }, use) => {
    const findings = watched(page, study.household.url);
    await use(new Chat(page));
    expect(findings).toEqual([]);
  },
});
