import type { Api } from "@parlor/shared/api/client.ts";
import { wordsFor } from "@parlor/shared/api/errors.ts";
import type {
  ConversationChange,
  ConversationPage,
  LiveEvent,
  Summary,
} from "@parlor/shared/api/types.ts";
import { ordered } from "@parlor/shared/chat/groups.ts";

const PAGE = 50;
const TYPING_PAUSE = 220;

/** The list of conversations: pages, search, and what other screens do to them. */
export class Library {
  items = $state.raw<readonly Summary[]>([]);
  phase = $state<"loading" | "ready" | "failed">("loading");
  problem = $state("");
  query = $state("");
  /** What `items` were found by: the answer to `query` is a moment late. */
  sought = $state("");
  /** What the items that were found say around the words. */
  excerpts = $state.raw<ConversationPage["excerpts"]>({});
  archived = $state(false);
  loadingMore = $state(false);
  readonly #api: Api;
  #cursor = $state<string | null>(null);
  #asked = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;

  readonly hasMore = $derived(this.#cursor !== null);

  constructor(api: Api) {
    this.#api = api;
  }

  /** Reads the first page afresh. Answers to older questions are dropped. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    const sought = this.query.trim();
    try {
      const page = await this.#api.conversations(this.#question(sought));
      if (asked !== this.#asked) return;
      this.items = page.conversations;
      this.excerpts = page.excerpts;
      this.#cursor = page.next_cursor;
      this.phase = "ready";
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.problem = wordsFor(problem);
      // A list may be old; what was found by other words is no answer.
      if (sought !== this.sought) this.#empty();
      if (this.items.length === 0) this.phase = "failed";
    }
    this.sought = sought;
  }

  #empty(): void {
    this.items = [];
    this.#cursor = null;
  }

  clear(): void {
    this.#asked += 1;
    this.#empty();
    this.query = this.sought = "";
    this.phase = "loading";
  }

  async more(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null || this.loadingMore) return;
    const asked = this.#asked;
    this.loadingMore = true;
    try {
      const page = await this.#api.conversations({ ...this.#question(this.sought), cursor });
      if (asked !== this.#asked) return;
      const known = new Set(this.items.map((item) => item.id));
      this.items = [...this.items, ...page.conversations.filter((item) => !known.has(item.id))];
      this.excerpts = { ...this.excerpts, ...page.excerpts };
      this.#cursor = page.next_cursor;
    } catch (problem) {
      this.problem = wordsFor(problem);
    } finally {
      this.loadingMore = false;
    }
  }

  #question(q: string) {
    const question = { limit: PAGE, archived: this.archived };
    return q === "" ? question : { ...question, q };
  }

  search(words: string): void {
    this.query = words;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => void this.load(), TYPING_PAUSE);
  }

  showArchived(archived: boolean): void {
    this.archived = archived;
    this.items = [];
    this.phase = "loading";
    void this.load();
  }

  apply(event: LiveEvent): void {
    if (event.type === "conversation.changed") this.put(event.conversation);
    else if (event.type === "conversation.deleted") this.#drop(event.conversation_id);
  }

  find(id: string): Summary | null {
    return this.items.find((item) => item.id === id) ?? null;
  }

  /** Takes a conversation as it now is. While a search is shown nothing new is mixed in. */
  put(summary: Summary): void {
    const known = this.items.some((item) => item.id === summary.id);
    if (summary.archived !== this.archived) {
      this.#drop(summary.id);
    } else if (known) {
      const items = this.items.map((item) => (item.id === summary.id ? summary : item));
      this.items = this.sought === "" ? ordered(items) : items;
    } else if (this.sought === "" && this.phase === "ready") {
      this.items = ordered([summary, ...this.items]);
    }
  }

  #drop(id: string): void {
    this.items = this.items.filter((item) => item.id !== id);
  }

  async change(id: string, patch: ConversationChange): Promise<void> {
    this.put(await this.#api.changeConversation(id, patch));
  }

  async delete(id: string): Promise<void> {
    await this.#api.deleteConversation(id);
    this.#drop(id);
  }
}
