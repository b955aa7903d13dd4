import type { Api } from "@parlor/shared/api/client.ts";
import { type FollowOptions, TurnFollower } from "@parlor/shared/api/turns.ts";
import type { Message, TurnEvent, TurnStarted } from "@parlor/shared/api/types.ts";
import { Backoff } from "@parlor/shared/api/backoff.ts";
import {
  EMPTY_TRANSCRIPT,
  reduce,
  resumedFrom,
  type Transcript,
} from "@parlor/shared/chat/transcript.ts";

import { ThoughtClock } from "./thoughts.svelte.ts";

export type Begin =
  | { how: "ask"; ask: (signal: AbortSignal) => Promise<Response>; repeatable: boolean }
  | { how: "join"; turnId: string };

export interface AnswerOptions {
  api: Api;
  begin: Begin;
  /** The message that a `continue` adds to, found when the turn says which. */
  resumed: (messageId: string) => Message | null;
  onStarted: (event: TurnStarted) => void;
  onWake: (wake: () => void) => () => void;
}

/** While hidden a page gets no frames; its text must go on all the same. */
const HIDDEN_FRAME = 250;
/** After so long without a word a sign of life is due. */
const QUIET = 2500;

/** One answer while it is written: follows its turn and shows it frame by frame. */
export class LiveAnswer {
  transcript = $state.raw<Transcript>(EMPTY_TRANSCRIPT);
  started = $state.raw<TurnStarted | null>(null);
  connected = $state(true);
  stopping = $state(false);
  /** Nothing has come for a while, though the turn goes on. */
  quiet = $state(false);
  readonly thoughts: ThoughtClock;
  readonly #options: AnswerOptions;
  readonly #follower: TurnFollower;
  readonly #abort = new AbortController();
  #next: Transcript = EMPTY_TRANSCRIPT;
  #scheduled = false;
  #quietTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
    const { api, begin } = options;
    this.thoughts = new ThoughtClock(begin.how === "join");
    const backoff = new Backoff();
    const follow: FollowOptions = {
      signal: this.#abort.signal,
      backoff,
      onEvent: (event) => {
        this.#take(event);
      },
      onTurnId: (turnId) => {
        if (this.stopping) this.#askToStop(turnId).catch(() => undefined);
      },
      onConnected: (connected) => {
        this.connected = connected;
      },
    };
    const leave = options.onWake(() => {
      backoff.wake();
    });
    this.#abort.signal.addEventListener("abort", leave);
    this.#follower = new TurnFollower(
      {
        start: (signal) =>
          begin.how === "ask" ? begin.ask(signal) : api.turnEvents(begin.turnId, 0, signal),
        repeatable: begin.how === "join" || begin.repeatable,
        resume: (turnId, after, signal) => api.turnEvents(turnId, after, signal),
        isOver: async (turnId) => (await api.turn(turnId)).status !== "running",
      },
      follow,
      begin.how === "join" ? begin.turnId : null,
    );
  }

  get turnId(): string | null {
    return this.#follower.turnId;
  }

  /** Returns when the answer ended or nobody wants it any longer; throws when it was refused. */
  async run(): Promise<void> {
    try {
      await this.#follower.run();
    } finally {
      clearTimeout(this.#quietTimer);
      this.#publish();
    }
  }

  /** Stops listening. The turn itself goes on. */
  leave(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    if (this.turnId !== null) await this.#askToStop(this.turnId);
  }

  async #askToStop(turnId: string): Promise<void> {
    try {
      await this.#options.api.stop(turnId);
    } catch (problem) {
      this.stopping = false;
      throw problem;
    }
  }

  #take(event: TurnEvent): void {
    if (event.type === "turn.started") this.#begin(event);
    this.#listen();
    this.#next = reduce(this.#next, event);
    this.thoughts.watch(this.#next, event);
    if (event.type === "turn.started" || event.type === "turn.finished") this.#publish();
    else this.#schedule();
  }

  #begin(event: TurnStarted): void {
    const old = event.kind === "continue" ? this.#options.resumed(event.message_id) : null;
    if (old) this.#next = resumedFrom(old);
    this.started = event;
    this.#options.onStarted(event);
  }

  #listen(): void {
    this.quiet = false;
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.quiet = true;
    }, QUIET);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const publish = () => {
      this.#publish();
    };
    if (document.visibilityState === "visible") requestAnimationFrame(publish);
    else setTimeout(publish, HIDDEN_FRAME);
  }

  #publish(): void {
    this.#scheduled = false;
    this.transcript = this.#next;
  }
}
