import type { TurnEvent } from "@parlor/shared/api/types.ts";
import type { Transcript } from "@parlor/shared/chat/transcript.ts";

export interface Thought {
  readonly since: number;
  /** Milliseconds; null while it goes on or when its beginning was not seen. */
  readonly took: number | null;
  readonly going: boolean;
}

/** What arrives this soon after joining is the past, told quickly: its pace says nothing. */
const REPLAY = 600;

/** How long each stretch of reasoning took, by its place among the message's parts. */
export class ThoughtClock {
  byPart = $state.raw<Readonly<Record<number, Thought>>>({});
  readonly #joinedAt: number | null;

  constructor(joined: boolean) {
    this.#joinedAt = joined ? Date.now() : null;
  }

  watch(transcript: Transcript, event: TurnEvent): void {
    const now = Date.now();
    const last = transcript.parts.length - 1;
    if (event.type === "reasoning.delta") {
      if (!this.byPart[last]?.going) this.#set(last, { since: now, took: null, going: true });
      return;
    }
    if (event.type === "usage" || event.type === "notice") return;
    for (const [place, thought] of Object.entries(this.byPart)) {
      if (!thought.going) continue;
      const took = this.#replayed(thought.since) ? null : now - thought.since;
      this.#set(Number(place), { since: thought.since, took, going: false });
    }
  }

  #replayed(since: number): boolean {
    return this.#joinedAt !== null && since - this.#joinedAt < REPLAY;
  }

  #set(place: number, thought: Thought): void {
    this.byPart = { ...this.byPart, [place]: thought };
  }
}
