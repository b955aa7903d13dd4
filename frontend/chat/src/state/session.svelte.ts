import { forgetDrafts } from "../composer/drafts.ts";
import type { Api } from "@parlor/shared/api/client.ts";
import { ApiError, wordsFor } from "@parlor/shared/api/errors.ts";
import type { Credentials, Me, Registration } from "@parlor/shared/api/types.ts";

export type SessionPhase = "asking" | "signed-in" | "signed-out" | "setup" | "unreachable";

const RETRY_AFTER = 3000;

/** Who sits in front of this screen. */
export class Session {
  phase = $state<SessionPhase>("asking");
  me = $state.raw<Me | null>(null);
  problem = $state("");
  readonly #api: Api;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
    api.onSignedOut = () => {
      if (this.phase !== "signed-in") return;
      this.me = null;
      this.phase = "signed-out";
    };
  }

  async ask(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      this.me = await this.#api.me();
      this.phase = "signed-in";
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 401) await this.#askSetup();
      else this.#lost(problem);
    }
  }

  async #askSetup(): Promise<void> {
    try {
      const { required } = await this.#api.setupRequired();
      this.phase = required ? "setup" : "signed-out";
    } catch (problem) {
      this.#lost(problem);
    }
  }

  #lost(problem: unknown): void {
    this.problem = wordsFor(problem);
    this.phase = "unreachable";
    this.#retry = setTimeout(() => void this.ask(), RETRY_AFTER);
  }

  async login(credentials: Credentials): Promise<void> {
    await this.#api.login(credentials);
    await this.ask();
  }

  async register(registration: Registration): Promise<void> {
    await this.#api.register(registration);
    await this.ask();
  }

  async logout(): Promise<void> {
    await this.#api.logout();
    forgetDrafts();
    // A fresh page is the surest way to keep nothing of one person for the next.
    location.assign("/login");
  }
}
