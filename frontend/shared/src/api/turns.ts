/** Follows a turn to its end over as many connections as it takes. */
import { Backoff } from "./backoff.ts";
import { ApiError } from "./errors.ts";
import { framesOf } from "./sse.ts";
import type { TurnEvent } from "./types.ts";

export interface TurnSource {
  /** Asks for the turn from its beginning. Safe to repeat only when `repeatable`. */
  start: (signal: AbortSignal) => Promise<Response>;
  repeatable: boolean;
  /** Asks for what came after event number `after`. */
  resume: (turnId: string, after: number, signal: AbortSignal) => Promise<Response>;
  /** Whether the server holds the turn to be over. */
  isOver: (turnId: string) => Promise<boolean>;
}

export interface FollowOptions {
  signal: AbortSignal;
  onEvent: (event: TurnEvent, seq: number) => void;
  onTurnId?: (turnId: string) => void;
  /** False while the connection is lost and being made again. */
  onConnected?: (connected: boolean) => void;
  backoff?: Backoff;
  /** Milliseconds without a byte after which a connection counts as dead. */
  silence?: number;
}

const SILENCE = 35_000;
const START_ATTEMPTS = 4;

/** A frame was lost or garbled on the way; what is missing is asked for again. */
class GapError extends Error {
  override name = "GapError";
}

export class TurnFollower {
  readonly #source: TurnSource;
  readonly #options: FollowOptions;
  readonly #backoff: Backoff;
  #turnId: string | null;
  #seen = 0;
  #attempts = 0;
  #finished = false;

  constructor(source: TurnSource, options: FollowOptions, turnId: string | null = null) {
    this.#source = source;
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#turnId = turnId;
  }

  get turnId(): string | null {
    return this.#turnId;
  }

  /** Returns after `turn.finished` or the abort; throws ApiError when the server refuses. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!this.#finished && !signal.aborted) {
      try {
        await this.#connection();
      } catch (problem) {
        if (this.#refused(problem)) throw problem;
        if (problem instanceof ApiError && problem.retryAfter !== null) {
          await this.#pause(problem.retryAfter * 1000);
          continue;
        }
      }
      if (!this.#done()) await this.#pause(0);
    }
  }

  /** Asked again after each wait: events arrive while one is suspended. */
  #done(): boolean {
    return this.#finished || this.#options.signal.aborted;
  }

  async #pause(atLeast: number): Promise<void> {
    this.#options.onConnected?.(false);
    await this.#backoff.wait(this.#options.signal, atLeast);
  }

  /** A definite no ends the following; a broken line does not, unless asking again could start
   * the turn twice. */
  #refused(problem: unknown): boolean {
    if (this.#options.signal.aborted || !(problem instanceof ApiError)) return false;
    if (!problem.passing) return true;
    if (this.#turnId !== null) return false;
    this.#attempts += 1;
    return !this.#source.repeatable || this.#attempts >= START_ATTEMPTS;
  }

  async #connection(): Promise<void> {
    const { signal, onConnected } = this.#options;
    const response =
      this.#turnId === null
        ? await this.#source.start(signal)
        : await this.#source.resume(this.#turnId, this.#seen, signal);
    this.#learnTurnId(response.headers.get("x-turn-id"));
    onConnected?.(true);
    const before = this.#seen;
    for await (const frame of framesOf(response, this.#options.silence ?? SILENCE)) {
      this.#take(Number(frame.id), frame.data);
      if (this.#done()) return;
    }
    if (this.#seen === before) await this.#askWhetherOver();
  }

  /** A server that was cut off may have shown events that it did not live to write down. Its list
   * is then shorter than ours and has no end for us: what it stored is the truth. */
  async #askWhetherOver(): Promise<void> {
    if (this.#turnId !== null && (await this.#source.isOver(this.#turnId))) this.#finished = true;
  }

  #learnTurnId(turnId: string | null): void {
    if (turnId === null || this.#turnId !== null) return;
    this.#turnId = turnId;
    this.#options.onTurnId?.(turnId);
  }

  #take(seq: number, data: string): void {
    if (!Number.isInteger(seq) || seq <= this.#seen) return;
    if (seq !== this.#seen + 1) throw new GapError(`event ${String(seq)} came too early`);
    const event = JSON.parse(data) as TurnEvent;
    this.#seen = seq;
    this.#backoff.reset();
    if (event.type === "turn.started") this.#learnTurnId(event.turn_id);
    if (event.type === "turn.finished") this.#finished = true;
    this.#options.onEvent(event, seq);
  }
}
