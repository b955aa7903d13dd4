/** A model server of the OpenAI kind that says exactly what a test wants, in pieces of any size. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Call {
  name: string;
  arguments: string;
}

export interface Answer {
  text: string;
  reasoning?: string;
  /** Asked for once; when their results are there, only the text is said. */
  calls?: Call[];
  /** Characters in each piece. */
  piece?: number;
  /** Lets the browser draw between pieces. */
  paced?: boolean;
  /** Nothing is said but these words, with an error's status. */
  refusal?: string;
}

interface AskedFor {
  messages: { role: string; content: unknown }[];
}

export class Upstream {
  readonly models: string[];
  answer: Answer = { text: "Yes." };
  /** What tools said, as the model heard it in the latest question. */
  heard: string[] = [];
  /** What the person's latest message was, as the model read it. */
  read = "";
  readonly #server: Server;

  constructor(models: string[]) {
    this.models = models;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}/v1`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ data: this.models.map((id) => ({ id })) }));
      return;
    }
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(body).toString()) as AskedFor;
    this.heard = asked.messages
      .filter(({ role }) => role === "tool")
      .map(({ content }) => (typeof content === "string" ? content : JSON.stringify(content)));
    const words = asked.messages.findLast(({ role }) => role === "user")?.content ?? "";
    this.read = typeof words === "string" ? words : JSON.stringify(words);
    await this.#stream(response, asked.messages.at(-1)?.role === "tool");
  }

  async #stream(response: ServerResponse, toolsRan: boolean): Promise<void> {
    const { text, reasoning = "", calls = [], piece = 8, paced = false, refusal } = this.answer;
    if (refusal !== undefined) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: 400, message: refusal } }));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const say = async (delta: object, finish_reason: string | null = null) => {
      const chunk = { choices: [{ index: 0, delta, finish_reason }] };
      if (paced) await new Promise((resolve) => setTimeout(resolve, 1));
      if (!response.write(`data: ${JSON.stringify(chunk)}\n\n`)) {
        await new Promise((resolve) => response.once("drain", resolve));
      }
    };
    for (const part of pieces(toolsRan ? "" : reasoning, piece)) await say({ reasoning: part });
    if (calls.length > 0 && !toolsRan) {
      for (const [index, call] of calls.entries()) {
        await say({
          tool_calls: [{ index, id: `call_${String(index)}`, type: "function", function: call }],
        });
      }
      await say({}, "tool_calls");
    } else {
      for (const part of pieces(text, piece)) await say({ content: part });
      await say({}, "stop");
    }
    response.end("data: [DONE]\n\n");
  }
}

function pieces(text: string, size: number): string[] {
  const list: string[] = [];
  for (let at = 0; at < text.length; at += size) list.push(text.slice(at, at + size));
  return list;
}
