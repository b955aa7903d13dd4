import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { Backoff } from "./backoff.ts";
import { Api } from "./client.ts";
import { LiveConnection } from "./live.ts";

test("a lost connection is made again and says that changes may have been missed", async () => {
  let connections = 0;
  const server = createServer((_, response) => {
    connections += 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: hello\ndata: {"type":"hello","version":"${String(connections)}"}\n\n`);
    if (connections < 3) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = new Api(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);

  const versions: string[] = [];
  const again: boolean[] = [];
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const live = new LiveConnection({
    open: (signal) => api.events(signal),
    backoff: new Backoff(1, 4),
    onEvent: (event) => {
      if (event.type === "hello") versions.push(event.version);
      if (versions.length === 3) finish();
    },
    onConnected: (repeated) => again.push(repeated),
    onLost: () => undefined,
  });
  live.start();
  await done;
  live.stop();
  server.closeAllConnections();
  server.close();
  expect(versions).toEqual(["1", "2", "3"]);
  expect(again).toEqual([false, true, true]);
});
