/** A tool server with things to read and prompts to begin with, that also asks for a web page. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Rpc {
  id?: number | string;
  method?: string;
  params?: {
    protocolVersion?: string;
    uri?: string;
    name?: string;
    arguments?: Record<string, string>;
  };
  result?: { action?: string };
}

/** With what a page must never believe. */
export const SOUP = "Onions, <img src=x onerror=alert(1)> a bay leaf.\nSimmer for an hour.";

const PROMPTS = [
  {
    name: "weekly_menu",
    title: "Plan the week",
    description: "Seven dinners from what is in the house.",
  },
  {
    name: "letter",
    title: "Write a letter",
    description: "In your own tone, with a greeting and an end.",
    arguments: [
      { name: "to_whom", description: "A name, or what they are to you.", required: true },
      { name: "about", description: "What it should say.", required: false },
    ],
  },
  { name: "torn_page", title: "A torn page", description: "This one cannot be read." },
];

const RESOURCES = [
  {
    uri: "shelf://recipes/soup",
    name: "soup",
    title: "Grandmother’s soup",
    description: "The one for cold days.",
    mimeType: "text/plain",
  },
  { uri: "shelf://house/rules", name: "rules", title: "House rules", mimeType: "text/markdown" },
  { uri: "shelf://photos/garden", name: "garden", title: "The garden", mimeType: "image/png" },
];

const TEMPLATES = [
  {
    uriTemplate: "shelf://diary/{year}/{month}",
    name: "diary",
    title: "A month of the diary",
    description: "What happened then.",
    mimeType: "text/plain",
  },
];

export class Bookshelf {
  readonly #server: Server;
  /** Stands behind whatever it says. */
  readonly #spice: string;
  #answerOfPerson: (action: string) => void = () => undefined;

  constructor(spice = "") {
    this.#spice = spice;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `${this.origin}/mcp`;
  }

  get origin(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/connect") {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<!doctype html><title>Library card</title><h1>Your library card</h1>");
      return;
    }
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(body).toString()) as Rpc;
    if (asked.method === undefined && asked.id === "page") {
      this.#answerOfPerson(asked.result?.action ?? "error");
    }
    if (asked.id === undefined || asked.method === undefined) {
      response.writeHead(202).end();
      return;
    }
    if (asked.method === "tools/call") {
      await this.#call(asked, response);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: asked.id, ...this.#answer(asked) }));
  }

  /** Wants a page opened first, and says afterwards what the person did. */
  async #call(asked: Rpc, response: ServerResponse): Promise<void> {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const say = (message: object) =>
      response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
    const action = await new Promise<string>((resolve) => {
      this.#answerOfPerson = resolve;
      const params = {
        mode: "url",
        message: `Show your library card on our page.${this.#spice}`,
        url: `${this.origin}/connect`,
        elicitationId: "card",
      };
      say({ id: "page", method: "elicitation/create", params });
    });
    say({
      id: asked.id,
      result: { content: [{ type: "text", text: `The page: ${action}${this.#spice}` }] },
    });
    response.end();
  }

  #answer({ method, params }: Rpc): object {
    const found = this.#found(method ?? "", params ?? {});
    return found
      ? { result: found }
      : { error: { code: -32601, message: "There is nothing of that kind here" } };
  }

  #found(method: string, params: NonNullable<Rpc["params"]>): object | null {
    switch (method) {
      case "initialize":
        return {
          protocolVersion: params.protocolVersion ?? "2025-11-25",
          capabilities: { tools: {}, prompts: {}, resources: {} },
          serverInfo: { name: "bookshelf", version: "1" },
        };
      case "tools/list": {
        const inputSchema = { type: "object", properties: {} };
        const description = "Borrows a book with your library card.";
        const tool = { name: "borrow", title: "Borrow a book", description, inputSchema };
        return { tools: [this.#spiced(tool)] };
      }
      case "prompts/list":
        return { prompts: PROMPTS.map((one) => this.#spiced(one)) };
      case "prompts/get":
        return this.#prompt(params);
      case "resources/list":
        return { resources: RESOURCES.map((one) => this.#spiced(one)) };
      case "resources/templates/list":
        return { resourceTemplates: TEMPLATES.map((one) => this.#spiced(one)) };
      case "resources/read":
        return this.#page(params.uri ?? "");
      default:
        return method === "ping" ? {} : null;
    }
  }

  #spiced<T extends { title: string; description?: string }>(one: T): T {
    const description = (one.description ?? "") + this.#spice;
    return { ...one, title: one.title + this.#spice, description };
  }

  #prompt({ name, arguments: given = {} }: NonNullable<Rpc["params"]>): object | null {
    const text =
      name === "weekly_menu"
        ? "Plan seven dinners.\nUse what is in the house."
        : `Write a letter to ${given["to_whom"] ?? "somebody"}. ${given["about"] ?? "Say hello."}`;
    if (name === "torn_page") return null;
    return { messages: [{ role: "user", content: { type: "text", text } }] };
  }

  #page(uri: string): object | null {
    const contents = (content: object) => ({ contents: [{ uri, ...content }] });
    if (uri === "shelf://photos/garden") {
      return contents({ mimeType: "image/png", blob: "iVBORw0KGgo=" });
    }
    if (uri === "shelf://house/rules") return contents({ text: "Shoes off. ".repeat(4000) });
    if (uri === "shelf://recipes/soup") return contents({ text: SOUP + this.#spice });
    const [, year, month] = /^shelf:\/\/diary\/(\d+)\/(\d+)$/.exec(uri) ?? [];
    return year && month ? contents({ text: `In ${month}/${year} it rained.` }) : null;
  }
}
