/** Server-sent events out of bytes, whichever way the network cut them. */

export interface Frame {
  id: string;
  event: string;
  data: string;
}

/** Feed text in any pieces; `push` gives the frames that became whole. */
export class SseParser {
  #rest = "";
  /** How much of the rest is known to hold no line end: a huge line is looked through once. */
  #searched = 0;
  #id = "";
  #event = "";
  #data: string[] = [];

  push(text: string): Frame[] {
    const frames: Frame[] = [];
    this.#rest += text;
    let start = 0;
    for (;;) {
      const end = this.#lineEnd(Math.max(start, this.#searched));
      if (end === null) break;
      const frame = this.#line(this.#rest.slice(start, end.at));
      if (frame) frames.push(frame);
      start = end.next;
    }
    this.#rest = this.#rest.slice(start);
    this.#searched = Math.max(0, this.#rest.length - 1);
    return frames;
  }

  /** A lone CR at the very end may be half of a CRLF, so it waits for the next piece. */
  #lineEnd(from: number): { at: number; next: number } | null {
    for (let at = from; at < this.#rest.length; at++) {
      const character = this.#rest.charCodeAt(at);
      if (character === 10) return { at, next: at + 1 };
      if (character !== 13) continue;
      if (at + 1 === this.#rest.length) return null;
      return { at, next: this.#rest.charCodeAt(at + 1) === 10 ? at + 2 : at + 1 };
    }
    return null;
  }

  #line(line: string): Frame | null {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
    return null;
  }

  #dispatch(): Frame | null {
    const frame = { id: this.#id, event: this.#event || "message", data: this.#data.join("\n") };
    const whole = this.#data.length > 0;
    this.#event = "";
    this.#data = [];
    return whole ? frame : null;
  }
}

export class StalledError extends Error {
  override name = "StalledError";
}

/** The frames of an answer's body. Throws StalledError when nothing at all, not even a comment,
 * came for `silence` milliseconds: a dead connection that nobody closed. */
export async function* framesOf(response: Response, silence: number): AsyncGenerator<Frame> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await beforeSilence(reader.read(), silence);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Not awaited: a stalled connection may never confirm, and there is nobody left to tell.
    reader.cancel().catch(() => undefined);
  }
}

async function beforeSilence<T>(read: Promise<T>, silence: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StalledError(`no byte for ${String(silence)} ms`));
    }, silence);
  });
  try {
    return await Promise.race([read, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
