import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, test } from "vitest";

import { Backoff } from "./backoff.ts";
import { Api } from "./client.ts";
import { ApiError } from "./errors.ts";
import { TurnFollower } from "./turns.ts";
import type { TurnEvent } from "./types.ts";

/** A turn of `count` events, the last of which ends it. */
function turn(count: number): TurnEvent[] {
  const events: TurnEvent[] = Array.from({ length: count - 2 }, (_, index) => ({
    type: "text.delta",
    text: `word ${String(index)} `,
  }));
  events.unshift({
    type: "turn.started",
    turn_id: "trn_1",
    conversation_id: "cnv_1",
    message_id: "msg_2",
    parent_id: "msg_1",
    kind: "send",
    model: "demo:parlor",
    created_at: "2026-11-20T18:00:00.000Z",
  });
  events.push({ type: "turn.finished", status: "completed", cost: null, finish_reason: "stop" });
  return events;
}

const frame = (seq: number, event: TurnEvent) =>
  `id: ${String(seq)}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

type Handler = (request: IncomingMessage, response: ServerResponse, after: number) => void;

let server: Server | null = null;

/** A real HTTP server that answers the three turn routes with `handle`. */
async function serving(handle: Handler): Promise<Api> {
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    request.resume();
    handle(request, response, Number(url.searchParams.get("after") ?? 0));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return new Api(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

function open(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "x-turn-id": "trn_1" });
}

function follow(api: Api, { silence = 2000, repeatable = true } = {}) {
  const seen: number[] = [];
  const texts: string[] = [];
  const abort = new AbortController();
  const request = { messages: [{ role: "user" as const, content: "hi" }] };
  const follower = new TurnFollower(
    {
      start: (signal) => api.send(request, signal),
      repeatable,
      resume: (id, after, signal) => api.turnEvents(id, after, signal),
      isOver: async (id) => (await api.turn(id)).status !== "running",
    },
    {
      signal: abort.signal,
      backoff: new Backoff(1, 4),
      silence,
      onEvent: (event, seq) => {
        seen.push(seq);
        if (event.type === "text.delta") texts.push(event.text);
      },
    },
  );
  return { follower, seen, texts, abort };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("a follower", () => {
  const events = turn(9);

  test.each(numbers(9))("loses and repeats nothing when cut off after event %i", async (cut) => {
    const api = await serving((_, response, after) => {
      open(response);
      const rest = events.map((event, index) => [index + 1, event] as const).slice(after);
      const limit = after === 0 ? cut : rest.length;
      const bytes = rest.slice(0, limit).map(([seq, event]) => frame(seq, event));
      if (after > 0) response.end(bytes.join(""));
      else response.write(bytes.join(""), () => setImmediate(() => response.destroy()));
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(9));
  });

  test("comes back after every single event, in the middle of its frame", async () => {
    let connections = 0;
    const api = await serving((_, response, after) => {
      connections += 1;
      open(response);
      const [next, following] = [events[after], events[after + 1]];
      if (next) response.write(frame(after + 1, next));
      const broken = following ? frame(after + 2, following).slice(0, 25) : "";
      response.end(broken);
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(9));
    expect(connections).toBe(9);
  });

  test("ignores events that it has seen and asks again for those left out", async () => {
    const asked: number[] = [];
    const api = await serving((_, response, after) => {
      asked.push(after);
      open(response);
      const order = after === 0 ? [1, 2, 2, 1, 3, 5] : [2, 3, 4, 5, 6, 7, 8, 9];
      for (const seq of order) {
        const event = events[seq - 1];
        if (event) response.write(frame(seq, event));
      }
      response.end();
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(9));
    expect(asked).toEqual([0, 3]);
  });

  test("gives up a connection that fell silent and makes another", async () => {
    let connections = 0;
    const api = await serving((_, response, after) => {
      connections += 1;
      open(response);
      const upTo = connections === 1 ? 3 : 9;
      events.slice(after, upTo).forEach((event, index) => {
        response.write(frame(after + index + 1, event));
      });
      // The first connection stays open and says nothing more.
      if (connections > 1) response.end();
    });
    const { follower, seen } = follow(api, { silence: 60 });
    await follower.run();
    expect(seen).toEqual(numbers(9));
  });

  test("is kept alive by comments", async () => {
    const api = await serving((_, response, after) => {
      open(response);
      let pings = 0;
      const timer = setInterval(() => {
        response.write(": ping\n\n");
        pings += 1;
        if (pings < 12) return;
        clearInterval(timer);
        events.slice(after).forEach((event, index) => {
          response.write(frame(after + index + 1, event));
        });
        response.end();
      }, 20);
      expect(after).toBe(0);
    });
    const { follower, seen } = follow(api, { silence: 150 });
    await follower.run();
    expect(seen).toEqual(numbers(9));
  });

  test("says the same message again when nobody answered the first time", async () => {
    let attempts = 0;
    const api = await serving((_, response) => {
      attempts += 1;
      if (attempts === 1) {
        response.destroy();
        return;
      }
      open(response);
      events.forEach((event, index) => response.write(frame(index + 1, event)));
      response.end();
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(9));
    expect(attempts).toBe(2);
  });

  test("never repeats a request that could begin a second turn", async () => {
    let attempts = 0;
    const api = await serving((_, response) => {
      attempts += 1;
      response.destroy();
    });
    const { follower } = follow(api, { repeatable: false });
    await expect(follower.run()).rejects.toBeInstanceOf(ApiError);
    expect(attempts).toBe(1);
  });

  test("passes on a refusal with its code and words", async () => {
    const api = await serving((_, response) => {
      response.writeHead(409, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: "turn_running", detail: "An answer is being written." }));
    });
    const { follower } = follow(api);
    await expect(follower.run()).rejects.toMatchObject({ code: "turn_running", status: 409 });
  });

  test("waits out a server that is busy when coming back", async () => {
    let connections = 0;
    const api = await serving((_, response, after) => {
      connections += 1;
      if (connections === 2) {
        response.writeHead(503, { "retry-after": "0" });
        response.end("down");
        return;
      }
      open(response);
      const upTo = connections === 1 ? 2 : 9;
      events.slice(after, upTo).forEach((event, index) => {
        response.write(frame(after + index + 1, event));
      });
      response.end();
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(9));
  });

  test("ends when the server forgot the last events it had shown, and the turn with them", async () => {
    const api = await serving((request, response, after) => {
      if (request.method === "GET") {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ id: "trn_1", status: "interrupted" }));
        return;
      }
      open(response);
      const bytes = events.slice(after, 5).map((event, index) => frame(after + index + 1, event));
      response.end(bytes.join(""));
    });
    const { follower, seen } = follow(api);
    await follower.run();
    expect(seen).toEqual(numbers(5));
  });

  test("ends quietly when nobody wants it any longer", async () => {
    const api = await serving((_, response) => {
      open(response);
      events.slice(0, 3).forEach((event, index) => response.write(frame(index + 1, event)));
    });
    const { follower, seen, abort } = follow(api);
    const run = follower.run();
    while (seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await run;
    expect(seen).toEqual([1, 2, 3]);
  });
});
