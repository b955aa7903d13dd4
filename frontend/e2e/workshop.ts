/** A Parlor whose model asks for tools, and a real server that has some. */
import { expect, type Page, test as base } from "@playwright/test";

import { Chat } from "./chat.ts";
import { watched } from "./fixtures.ts";
import { Household } from "./household.ts";
import { Toolkit } from "./toolkit.ts";
import { Upstream } from "./upstream.ts";

interface Servers {
  servers: { state: string; tools: { name: string; offered_name: string }[] }[];
}

export class Workshop {
  readonly upstream: Upstream;
  readonly toolkit: Toolkit;
  readonly household: Household;
  readonly #names = new Map<string, string>();

  private constructor(upstream: Upstream, toolkit: Toolkit, household: Household) {
    this.upstream = upstream;
    this.toolkit = toolkit;
    this.household = household;
  }

  static async start(): Promise<Workshop> {
    const upstream = new Upstream(["handy"]);
    const toolkit = await Toolkit.start();
    const household = await Household.start({
      CHAT_LLM_API_BASE: await upstream.start(),
      MCP_SERVERS_PATH: toolkit.definitions,
    });
    const workshop = new Workshop(upstream, toolkit, household);
    await workshop.#connected();
    return workshop;
  }

  async #connected(): Promise<void> {
    await expect
      .poll(async () => {
        const { servers } = await this.household.ask<Servers>("GET", "/api/mcp/servers");
        for (const tool of servers[0]?.tools ?? []) this.#names.set(tool.name, tool.offered_name);
        return servers[0]?.state;
      })
      .toBe("ready");
  }

  async stop(): Promise<void> {
    await this.household.stop();
    await this.toolkit.stop();
    this.upstream.stop();
  }

  /** What the model is going to do with the next message, and say afterwards. */
  plan(tool: string, parameters: object, text = "That is that."): void {
    const name = this.#names.get(tool) ?? tool;
    this.upstream.answer = { text, calls: [{ name, arguments: JSON.stringify(parameters) }] };
  }

  async choose(tool_name: string, choice: "allow" | "ask" | "deny" | null): Promise<void> {
    await this.household.ask("PUT", "/api/mcp/policy", { server_id: "toolkit", tool_name, choice });
  }
}

interface Fixtures {
  chat: Chat;
  /** A second window of the same person. */
  secondChat: Chat;
}

export const test = base.extend<Fixtures, { workshop: Workshop }>({
  workshop: [
    // eslint-disable-next-line no-empty-pattern -- Playwright asks for a pattern
    async ({}, use) => {
      const workshop = await Workshop.start();
      await use(workshop);
      await workshop.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ workshop }, use) => use(workshop.household.url),
  storageState: async ({ workshop }, use) => use(workshop.household.signedIn),
  chat: async ({ page, workshop }, use) => {
    const findings = watched(page, workshop.household.url);
    await use(new Chat(page));
    expect(findings).toEqual([]);
  },
  secondChat: async ({ browser, workshop }, use) => {
    const context = await browser.newContext({
      baseURL: workshop.household.url,
      storageState: workshop.household.signedIn,
    });
    const page: Page = await context.newPage();
    await use(new Chat(page));
    await context.close();
  },
});
