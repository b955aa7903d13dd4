import { Backoff } from "@parlor/shared/api/backoff.ts";
import { DisplayApi } from "@parlor/shared/api/display.ts";
import { ApiError } from "@parlor/shared/api/errors.ts";
import { LiveConnection } from "@parlor/shared/api/live.ts";
import type { DeviceName, LiveEvent, Pairing } from "@parlor/shared/api/types.ts";
import { Connection } from "@parlor/shared/state/connection.svelte.ts";

export type Phase = "asking" | "pairing" | "clock" | "occupied";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;
const USUAL_INTERVAL = 2;

/** A wall display from its first start on: paired or not, and whether it hears the house. */
export class Display {
  phase = $state<Phase>("asking");
  name = $state("");
  pairing = $state.raw<Pairing | null>(null);
  readonly connection = new Connection();
  readonly #api = new DisplayApi();
  readonly #backoff = new Backoff(FIRST_WAIT, LONGEST_WAIT);
  readonly #live: LiveConnection;
  #abort = new AbortController();
  #version: string | null = null;

  constructor() {
    this.#live = new LiveConnection({
      open: (signal) => this.#api.events(signal),
      onEvent: (event) => {
        this.#take(event);
      },
      onConnected: (again) => {
        this.connection.stands();
        if (again) void this.#rename();
      },
      onLost: () => {
        this.connection.breaks();
      },
      backoff: new Backoff(FIRST_WAIT / 2, LONGEST_WAIT),
    });
    this.#api.onSignedOut = () => {
      if (this.phase === "clock") this.#restart();
    };
    this.connection.onWake(() => {
      this.#backoff.wake();
      this.#live.wake();
    });
  }

  start(): () => void {
    this.#restart();
    return () => {
      this.#abort.abort();
      this.#live.stop();
    };
  }

  /** Taken away, or not paired yet: who are we? */
  #restart(): void {
    this.#live.stop();
    this.#abort.abort();
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const device = await this.#who();
        if (device) {
          this.#enter(device);
          return;
        }
        if (this.phase === "occupied") return;
        await this.#pair(signal);
      } catch (problem) {
        await this.#pause(problem, signal);
      }
    }
  }

  /** Null when this screen is nobody yet. */
  async #who(): Promise<DeviceName | null> {
    try {
      return await this.#api.me();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (problem.status === 403) this.phase = "occupied";
      else if (problem.status !== 401) throw problem;
      return null;
    }
  }

  async #pause(problem: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.connection.breaks();
    const asked = problem instanceof ApiError ? (problem.retryAfter ?? 0) : 0;
    await this.#backoff.wait(signal, asked * 1000);
  }

  #enter(device: DeviceName): void {
    this.connection.stands();
    this.#backoff.reset();
    this.pairing = null;
    this.name = device.name;
    this.phase = "clock";
    this.#live.start();
  }

  /** Shows a code until somebody approves it or its time is up. */
  async #pair(signal: AbortSignal): Promise<void> {
    const pairing = await this.#api.pair();
    this.connection.stands();
    this.#backoff.reset();
    this.pairing = pairing;
    this.phase = "pairing";
    const every = (pairing.interval ?? USUAL_INTERVAL) * 1000;
    while (!signal.aborted) {
      await new Backoff(every, every).wait(signal);
      if (await this.#isOver(pairing, signal)) return;
    }
  }

  /** Approved, or its time is up; one missed question is not the end. */
  async #isOver(pairing: Pairing, signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#api.claim(pairing.secret);
      this.connection.stands();
      return "device" in answer;
    } catch (problem) {
      if (problem instanceof ApiError && problem.passing) {
        await this.#pause(problem, signal);
        return false;
      }
      return true;
    }
  }

  async signPersonOut(): Promise<void> {
    await this.#api.signPersonOut();
    this.phase = "asking";
    this.#restart();
  }

  async #rename(): Promise<void> {
    try {
      this.name = (await this.#api.me()).name;
    } catch {
      // Gone, and then onSignedOut has heard of it; or away again, and the line will be back.
    }
  }

  #take(event: LiveEvent): void {
    if (event.type === "device.changed") this.name = event.name;
    if (event.type !== "hello") return;
    // Nobody presses Reload on a wall.
    if (this.#version !== null && this.#version !== event.version) location.reload();
    this.#version = event.version;
  }
}
