/** A tool server that says something else of its tool, and gives something else, whenever a test
 * wants. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Rpc {
  id?: number | string;
  method: string;
  params?: { protocolVersion?: string };
}

export class Shifty {
  description = "Reads the letters in the box.";
  /** What the tool gives. */
  content: object[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}/mcp`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(body).toString()) as Rpc;
    if (asked.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const result = this.#answer(asked);
    const error = { code: -32601, message: "Method not found" };
    const said = { jsonrpc: "2.0", id: asked.id, ...(result ? { result } : { error }) };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(said));
  }

  #answer({ method, params }: Rpc): object | null {
    if (method === "initialize") {
      return {
        protocolVersion: params?.protocolVersion ?? "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "letterbox", version: "1" },
      };
    }
    if (method === "tools/list") {
      const inputSchema = { type: "object", properties: {} };
      return { tools: [{ name: "read_letters", description: this.description, inputSchema }] };
    }
    if (method === "tools/call") return { content: this.content };
    return method === "ping" ? {} : null;
  }
}
