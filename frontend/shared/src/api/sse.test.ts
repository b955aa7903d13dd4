import { describe, expect, test } from "vitest";

import { type Frame, framesOf, SseParser, StalledError } from "./sse.ts";

const STREAM = [
  ": ping\n\n",
  'id: 1\nevent: text.delta\ndata: {"text":"Grüße 👩‍👧"}\n\n',
  "id: 2\r\nevent: text.delta\r\ndata: a\r\ndata:  b\r\n\r\n",
  ": ping\r\n\r\n",
  "id: 3\rdata: lone carriage returns\r\r",
  "retry: 5\nid: 4\ndata\n\n",
  "event: nothing\n\n",
  'id: 5\ndata: {"text":"with : colons"}\n\n',
].join("");

const FRAMES: Frame[] = [
  { id: "1", event: "text.delta", data: '{"text":"Grüße 👩‍👧"}' },
  { id: "2", event: "text.delta", data: "a\n b" },
  { id: "3", event: "message", data: "lone carriage returns" },
  { id: "4", event: "message", data: "" },
  { id: "5", event: "message", data: '{"text":"with : colons"}' },
];

function parsed(pieces: string[]): Frame[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

/** A small generator with a seed, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

describe("frames", () => {
  test("come out of one whole piece", () => {
    expect(parsed([STREAM])).toEqual(FRAMES);
  });

  test("come out of single characters", () => {
    expect(parsed(STREAM.split(""))).toEqual(FRAMES);
  });

  test.each(Array.from({ length: 200 }, (_, seed) => seed))("come out of cuts no. %i", (seed) => {
    const next = random(seed);
    const pieces: string[] = [];
    for (let at = 0; at < STREAM.length;) {
      const length = 1 + Math.floor(next() * 12);
      pieces.push(STREAM.slice(at, at + length));
      at += length;
    }
    expect(parsed(pieces)).toEqual(FRAMES);
  });

  test("a frame without its empty line is not a frame yet", () => {
    expect(parsed(["id: 1\ndata: cut off\n"])).toEqual([]);
  });

  test("one event of a megabyte is read in a moment", () => {
    const text = "x".repeat(1_000_000);
    const stream = `id: 1\ndata: ${text}\n\n`;
    const parser = new SseParser();
    const frames: Frame[] = [];
    for (let at = 0; at < stream.length; at += 1000) {
      frames.push(...parser.push(stream.slice(at, at + 1000)));
    }
    expect(frames).toEqual([{ id: "1", event: "message", data: text }]);
  });
});

test("characters cut between two reads are whole again", async () => {
  const bytes = new TextEncoder().encode("data: ü👩‍👧\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  const frames: Frame[] = [];
  for await (const frame of framesOf(new Response(body), 1000)) frames.push(frame);
  expect(frames.map((frame) => frame.data)).toEqual(["ü👩‍👧"]);
});

test("a connection on which nothing comes counts as dead", async () => {
  const silent = new Response(new ReadableStream());
  await expect(framesOf(silent, 20).next()).rejects.toBeInstanceOf(StalledError);
});
