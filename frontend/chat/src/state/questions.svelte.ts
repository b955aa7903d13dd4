import type { Api } from "@parlor/shared/api/client.ts";
import type { LiveEvent, QuestionAsked } from "@parlor/shared/api/types.ts";
import { questionId } from "@parlor/shared/chat/transcript.ts";

/** What running answers wait for, in whichever conversation. */
export class OpenQuestions {
  items = $state.raw<readonly QuestionAsked[]>([]);
  readonly #api: Api;
  /** Counts what was told meanwhile: an answer that is older than that is read again. */
  #told = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  async load(): Promise<void> {
    const before = this.#told;
    try {
      const { items } = await this.#api.questions();
      if (before === this.#told) this.items = items;
      else await this.load();
    } catch {
      // They are told again when the connection stands again.
    }
  }

  apply(event: LiveEvent): void {
    if (event.type === "question.asked") {
      this.#told += 1;
      const id = questionId(event.question);
      this.items = [...this.items.filter((one) => questionId(one.question) !== id), event];
    } else if (event.type === "question.answered") {
      this.#told += 1;
      this.items = this.items.filter((one) => questionId(one.question) !== event.question_id);
    }
  }

  clear(): void {
    this.#told += 1;
    this.items = [];
  }
}
