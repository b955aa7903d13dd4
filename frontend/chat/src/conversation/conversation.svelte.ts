import type { Api } from "@parlor/shared/api/client.ts";
import { ApiError, wordsFor } from "@parlor/shared/api/errors.ts";
import type {
  Conversation,
  LiveEvent,
  AgainRequest,
  Summary,
  TurnStarted,
} from "@parlor/shared/api/types.ts";

import { type Begin, LiveAnswer } from "./answer.svelte.ts";
import { isLimit } from "./limits.ts";
import { Readings } from "./readings.ts";
import { streamRequest, timezone } from "./requests.ts";
import {
  type Outgoing,
  OUTGOING_ID,
  PENDING_ID,
  type Place,
  type Shown,
  type Written,
} from "./shown.ts";
import { Thread } from "./thread.svelte.ts";

export interface Surroundings {
  api: Api;
  /** A new conversation got its id. */
  onCreated: (id: string) => void;
  onSummary: (summary: Summary) => void;
  /** The server has the message for good. */
  onSent: (outgoing: Outgoing, conversationId: string | null) => void;
  /** It goes back where it was typed, with the reason why, if that has to be said there. */
  onReturned: (outgoing: Outgoing, why: string) => void;
  onProblem: (words: string) => void;
  onWake: (wake: () => void) => () => void;
  newId: () => string;
}

export type Phase = "new" | "loading" | "ready" | "missing" | "failed";

/** The conversation on the screen, and all that can be done to it. */
export class OpenConversation {
  id = $state<string | null>(null);
  phase = $state<Phase>("new");
  problem = $state("");
  summary = $state.raw<Summary | null>(null);
  /** The person's choice for the next turn; null means the conversation's own. */
  model = $state<string | null>(null);
  /** Why this person may not ask that, or not now; stays at the composer until they ask again. */
  refusal = $state("");
  /** Counts what takes the control away that it was done with. */
  acts = $state(0);
  readonly thread = new Thread();
  readonly #around: Surroundings;
  /** Turns followed to their end: a summary that still calls one running is late. */
  readonly #ended = new Set<string>();
  #left = false;
  readonly #readings = new Readings();

  constructor(around: Surroundings, id: string | null) {
    this.#around = around;
    this.id = id;
    if (id !== null) this.phase = "loading";
  }

  readonly busy = $derived(this.thread.live !== null);
  readonly canSend = $derived(!this.busy && this.thread.outgoing === null);

  async load(): Promise<void> {
    if (this.id === null) return;
    this.phase = "loading";
    await this.refresh();
  }

  /** Reads the conversation again and joins a turn that runs in it. */
  async refresh(): Promise<void> {
    if (this.id === null) return;
    const asked = this.#readings.asks();
    try {
      const fresh = await this.#around.api.conversation(this.id);
      if (!this.#left && this.#readings.takes(asked)) this.#take(fresh, asked);
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 404) this.#vanish();
      else if (this.phase === "loading") this.phase = "failed";
      this.problem = wordsFor(problem);
    }
  }

  #take(fresh: Conversation, asked: number): void {
    const { messages, leaf_id, system_prompt: _, ...summary } = fresh;
    this.thread.take(messages, this.#readings.knowsOfChoice(asked) ? leaf_id : this.thread.leafId);
    this.summary = summary;
    this.phase = "ready";
    const running = summary.running_turn_id;
    if (running !== null && this.canSend && !this.#ended.has(running)) this.#join(running);
  }

  /** What other screens, or the server by itself, did. */
  apply(event: LiveEvent): void {
    if (event.type === "conversation.changed" && event.conversation.id === this.id) {
      this.summary = event.conversation;
      if (event.conversation.running_turn_id !== null && !this.busy) void this.refresh();
    } else if (event.type === "messages.changed" && event.conversation_id === this.id) {
      if (!this.busy) void this.refresh();
    } else if (event.type === "conversation.deleted" && event.conversation_id === this.id) {
      this.leave();
      this.#vanish();
    }
  }

  #vanish(): void {
    this.summary = null;
    this.phase = "missing";
  }

  async send(written: Written, editOf: Shown | null = null): Promise<void> {
    if (!this.canSend) return;
    await this.#dispatch({
      clientId: this.#around.newId(),
      ...written,
      parentId: editOf ? editOf.parent_id : this.thread.leafId,
      editOf: editOf?.id ?? null,
      problem: null,
    });
  }

  /** The same words under the same id: the server stores them once, however often they arrive. */
  async sendAgain(): Promise<void> {
    const outgoing = this.thread.outgoing;
    if (outgoing && !this.busy) await this.#dispatch({ ...outgoing, problem: null });
  }

  /** Puts a message that could not be sent back into the composer. */
  takeBack(): void {
    const outgoing = this.thread.outgoing;
    if (!outgoing) return;
    this.thread.withdraw();
    this.#around.onReturned(outgoing, "");
  }

  async #dispatch(outgoing: Outgoing): Promise<void> {
    this.refusal = "";
    this.thread.sends(outgoing);
    const request = streamRequest(outgoing, this.id, this.model);
    const ask = (signal: AbortSignal) => this.#around.api.send(request, signal);
    const refusal = await this.#write(
      { how: "ask", ask, repeatable: true },
      { id: PENDING_ID, parentId: OUTGOING_ID },
    );
    if (!refusal) return;
    if (isLimit(refusal)) {
      this.thread.withdraw();
      this.refusal = refusal.detail;
      this.#around.onReturned(outgoing, "");
    } else if (refusal.code === "turn_running") {
      this.thread.withdraw();
      this.#around.onReturned(outgoing, refusal.detail);
      await this.refresh();
    } else {
      this.thread.sends({ ...outgoing, problem: refusal.detail });
    }
  }

  /** Another answer beside this one, or the first to a message that has none. */
  async regenerate(node: Shown, model: string | null = null): Promise<void> {
    const parentId = node.role === "assistant" ? node.parent_id : node.id;
    await this.#redo("regenerate", node, { id: PENDING_ID, parentId }, model ?? this.model);
  }

  async continue(node: Shown): Promise<void> {
    await this.#redo("continue", node, { id: node.id, parentId: node.parent_id }, this.model);
  }

  async #redo(
    what: "regenerate" | "continue",
    node: Shown,
    place: Place,
    model: string | null,
  ): Promise<void> {
    if (this.id === null || !this.canSend) return;
    const request: AgainRequest = {
      conversation_id: this.id,
      message_id: node.id,
      timezone: timezone(),
    };
    if (model !== null) request.model = model;
    this.refusal = "";
    const before = this.thread.leafId;
    const ask = (signal: AbortSignal) => this.#around.api[what](request, signal);
    const refusal = await this.#write({ how: "ask", ask, repeatable: false }, place);
    if (!refusal) return;
    this.thread.leafId = before;
    if (isLimit(refusal)) this.refusal = refusal.detail;
    else this.#around.onProblem(refusal.detail);
    await this.refresh();
  }

  #join(turnId: string): void {
    void this.#write({ how: "join", turnId }, null).then(async (refusal) => {
      // Its journal is gone, so it ended long ago: the stored messages have it all.
      if (refusal) await this.refresh();
    });
  }

  /** Follows an answer to its end. Gives the error when the server refused to begin. */
  async #write(begin: Begin, place: Place | null): Promise<ApiError | null> {
    const live = new LiveAnswer({
      api: this.#around.api,
      begin,
      resumed: (id) => this.thread.message(id),
      onStarted: (event) => {
        if (this.thread.live === live) this.#started(event);
      },
      onWake: this.#around.onWake,
    });
    this.thread.begins(live, place);
    if (begin.how === "ask") this.acts += 1;
    try {
      await live.run();
    } catch (problem) {
      if (this.thread.live !== live) return null;
      if (problem instanceof ApiError && !live.started) {
        this.thread.endsLive();
        return problem;
      }
      this.#around.onProblem(wordsFor(problem));
    }
    if (this.thread.live === live) {
      if (live.turnId !== null) this.#ended.add(live.turnId);
      this.thread.settles(live);
      await this.refresh();
    }
    return null;
  }

  #started(event: TurnStarted): void {
    const { outgoing } = this.thread;
    this.thread.started(event);
    if (outgoing) this.#around.onSent(outgoing, this.id);
    if (this.id === null) {
      this.id = event.conversation_id;
      this.phase = "ready";
      this.#around.onCreated(event.conversation_id);
    }
    // Joined from another screen: the question may be younger than what was read here.
    if (event.parent_id !== null && !this.thread.message(event.parent_id)) void this.refresh();
  }

  async stop(): Promise<void> {
    try {
      await this.thread.live?.stop();
    } catch (problem) {
      this.#around.onProblem(wordsFor(problem));
    }
  }

  /** Shows another branch, here and on every other screen. */
  async select(id: string): Promise<void> {
    const leaf = this.thread.newestLeaf(id);
    this.thread.leafId = leaf;
    if (this.id === null || leaf === null || this.thread.isLive(leaf)) return;
    this.#readings.chooses();
    try {
      await this.#around.api.changeConversation(this.id, { leaf_id: leaf });
    } catch (problem) {
      this.#around.onProblem(wordsFor(problem));
    }
    this.#readings.chooses();
  }

  async deleteMessage(node: Shown): Promise<void> {
    if (this.id === null) return;
    await this.#around.api.deleteMessage(this.id, node.id);
    this.thread.drop(node);
    this.acts += 1;
    await this.refresh();
  }

  async chooseModel(model: string): Promise<void> {
    this.refusal = "";
    this.model = model;
    if (this.id === null) return;
    const summary = await this.#around.api.changeConversation(this.id, { model });
    this.summary = summary;
    this.#around.onSummary(summary);
  }

  /** The screen shows something else now. Running answers go on at the server. */
  leave(): void {
    this.#left = true;
    this.thread.live?.leave();
    this.thread.endsLive();
  }
}
