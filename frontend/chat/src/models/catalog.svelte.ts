import type { Api } from "@parlor/shared/api/client.ts";
import type { ModelInfo } from "@parlor/shared/api/types.ts";

const KEY = "parlor.model";

/** The models on offer. Loads beside everything else; nothing waits for it. */
export class Catalog {
  models = $state.raw<readonly ModelInfo[]>([]);
  phase = $state<"loading" | "ready" | "failed">("loading");
  defaultModel = $state("");
  /** What this person took last, for the next new conversation. */
  last = $state(localStorage.getItem(KEY));
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async load(): Promise<void> {
    if (this.phase === "failed") this.phase = "loading";
    try {
      const list = await this.#api.models();
      this.models = list.data;
      this.defaultModel = list.default_model;
      this.phase = "ready";
    } catch {
      this.phase = "failed";
    }
  }

  /** The model for a conversation that has none of its own. */
  get preferred(): string {
    const known = this.models.some((model) => model.id === this.last);
    return this.last !== null && known ? this.last : this.defaultModel;
  }

  remember(id: string): void {
    this.last = id;
    localStorage.setItem(KEY, id);
  }

  nameOf(id: string): string {
    return this.models.find((model) => model.id === id)?.name ?? id.replace(/^.*[/:]/, "");
  }

  search(words: string): ModelInfo[] {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    return this.models.filter((model) => {
      const text = `${model.name} ${model.id} ${model.provider}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }
}
