/** Somebody else's program that asks to be let in, as MCP clients do. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "@playwright/test";

import type { Household } from "./household.ts";

const VERIFIER = "v".repeat(64);
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

export class Program {
  clientId = "";
  /** What the browser brought back. */
  answer: URLSearchParams | null = null;
  readonly #parlor: string;
  readonly #server: Server;

  constructor(parlor: string) {
    this.#parlor = parlor;
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      if (url.pathname === "/back") this.answer = url.searchParams;
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<!doctype html><title>Notebook</title><h1>Back in Notebook</h1>");
    });
  }

  async start(name = "Notebook"): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const response = await this.#post("/oauth/register", {
      client_name: name,
      redirect_uris: [this.#redirect],
    });
    expect(response.status).toBe(201);
    this.clientId = ((await response.json()) as { client_id: string }).client_id;
    return this;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get #redirect(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}/back`;
  }

  #post(path: string, body: object): Promise<Response> {
    const headers = { "content-type": "application/json" };
    return fetch(this.#parlor + path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** The page that it opens in its person's browser. */
  page(changes: Readonly<Record<string, string>> = {}): string {
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.clientId,
      redirect_uri: this.#redirect,
      state: "a state & more",
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
      resource: `${this.#parlor}/mcp`,
      scope: "chat tools",
      ...changes,
    });
    return `/authorize?${query.toString()}`;
  }

  /** Without a browser: the owner looks and says yes. */
  async letIn(household: Household): Promise<string> {
    const query = this.page().replace(/^.*\?/, "");
    const apps = "/api/auth/apps";
    const { request } = await household.ask<{ request: string }>("POST", `${apps}/look`, { query });
    const { redirect } = await household.ask<{ redirect: string }>("POST", `${apps}/decide`, {
      request,
      allow: true,
    });
    this.answer = new URL(redirect).searchParams;
    return this.token();
  }

  /** A token for the code that it was given. */
  async token(): Promise<string> {
    const response = await fetch(`${this.#parlor}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code: this.answer?.get("code") ?? "",
        client_id: this.clientId,
        redirect_uri: this.#redirect,
        code_verifier: VERIFIER,
        resource: `${this.#parlor}/mcp`,
      }),
    });
    expect(response.status).toBe(200);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** The status of a question at `/mcp`. */
  async asks(token: string): Promise<number> {
    const response = await fetch(`${this.#parlor}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: {},
          clientInfo: { name: "notebook", version: "1" },
        },
      }),
    });
    await response.body?.cancel();
    return response.status;
  }
}
