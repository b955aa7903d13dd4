import type { Message, TurnStarted } from "@parlor/shared/api/types.ts";
import type { Decided } from "@parlor/shared/chat/transcript.ts";
import { type Branches, MessageTree } from "@parlor/shared/chat/tree.ts";

import type { LiveAnswer } from "./answer.svelte.ts";
import { answerMessage, sentMessage } from "./settled.ts";
import {
  leaving,
  type Outgoing,
  OUTGOING_ID,
  PENDING_ID,
  type Place,
  reconciled,
  type Shown,
  stored,
} from "./shown.ts";
import type { Thought } from "./thoughts.svelte.ts";

/** The messages of a conversation and the path through them that is on the screen: what the server
 * stored, and on top of it what is being sent and what is being written. */
export class Thread {
  leafId = $state<string | null>(null);
  live = $state.raw<LiveAnswer | null>(null);
  outgoing = $state.raw<Outgoing | null>(null);
  /** Reasoning times seen on this screen, by message. */
  thoughts = $state.raw<Readonly<Record<string, Readonly<Record<number, Thought>>>>>({});
  /** What was answered to questions while this screen watched, by message. */
  decided = $state.raw<Readonly<Record<string, readonly Decided[]>>>({});
  #messages = $state.raw<readonly Message[]>([]);
  #place = $state.raw<Place | null>(null);

  readonly #tree = $derived.by(() => {
    const place = this.#place;
    const shown = this.#messages.filter((message) => message.id !== place?.id).map(stored);
    if (this.outgoing) shown.push(leaving(this.outgoing));
    if (this.live && place) shown.push(this.#writing(this.live, place));
    return new MessageTree<Shown>(shown);
  });

  readonly path: readonly Shown[] = $derived(this.#tree.pathTo(this.leafId));

  #writing(live: LiveAnswer, place: Place): Shown {
    const message = this.message(place.id);
    const created_at = message?.created_at ?? "";
    const { id, parentId } = place;
    return {
      id,
      parent_id: parentId,
      role: "assistant",
      created_at,
      message,
      live,
      outgoing: null,
    };
  }

  message(id: string | null): Message | null {
    return this.#messages.find((message) => message.id === id) ?? null;
  }

  branchesOf(node: Shown): Branches {
    return this.#tree.branchesOf(node);
  }

  newestLeaf(below: string | null): string | null {
    return below === null ? null : this.#tree.newestLeafBelow(below);
  }

  isLive(id: string | null): boolean {
    return id !== null && id === this.#place?.id;
  }

  /** What the server holds now. The shown branch follows it unless something is under way here. */
  take(messages: readonly Message[], leafId: string | null): void {
    this.#messages = reconciled(this.#messages, messages);
    if (this.live || this.outgoing) return;
    this.leafId = this.message(leafId)?.id ?? messages.at(-1)?.id ?? null;
  }

  sends(outgoing: Outgoing): void {
    this.outgoing = outgoing;
    this.leafId = OUTGOING_ID;
  }

  /** Gives up what was being sent; the branch it hung below is shown again. */
  withdraw(): void {
    const parentId = this.outgoing?.parentId ?? null;
    this.outgoing = null;
    this.leafId = this.newestLeaf(parentId);
  }

  /** `place` is null while only the turn knows where its answer hangs. */
  begins(live: LiveAnswer, place: Place | null): void {
    this.live = live;
    this.#place = place;
    if (place) this.leafId = place.id;
  }

  /** The turn is accepted: the sent message and the answer get their real names. */
  started(event: TurnStarted): void {
    if (this.outgoing && event.parent_id !== null) {
      if (!this.message(event.parent_id)) {
        this.#messages = [...this.#messages, sentMessage(this.outgoing, event)];
      }
      this.outgoing = null;
    }
    // A continued message keeps its own place.
    const known = this.message(event.message_id);
    const parentId = known ? known.parent_id : event.parent_id;
    this.#place = { id: event.message_id, parentId };
    this.leafId = event.message_id;
  }

  /** The answer is whole and becomes an ordinary message. */
  settles(live: LiveAnswer): void {
    const message = answerMessage(live, this.#messages);
    this.endsLive();
    if (!message) return;
    this.thoughts = { ...this.thoughts, [message.id]: live.thoughts.byPart };
    this.decided = { ...this.decided, [message.id]: live.transcript.decided };
    this.#messages = [...this.#messages.filter((other) => other.id !== message.id), message];
  }

  endsLive(): void {
    this.live = null;
    this.#place = null;
    if (this.leafId === PENDING_ID) this.leafId = this.outgoing ? OUTGOING_ID : null;
  }

  drop(node: Shown): void {
    const gone = this.#tree.below(node.id);
    const wasShown = this.leafId !== null && gone.has(this.leafId);
    this.#messages = this.#messages.filter((message) => !gone.has(message.id));
    if (wasShown) this.leafId = this.newestLeaf(node.parent_id);
  }
}
