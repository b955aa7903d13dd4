import { forgetDrafts } from "../composer/drafts.ts";
import type { Api } from "@parlor/shared/api/client.ts";
import { ApiError, wordsFor } from "@parlor/shared/api/errors.ts";
import type { Credentials, Me, Registration, Ways } from "@parlor/shared/api/types.ts";

export type SessionPhase = "asking" | "signed-in" | "signed-out" | "setup" | "unreachable";

const RETRY_AFTER = 3000;
const LEFT = "parlor.left";
const NO_WAYS: Ways = { password: true, passkey: false, oidc: null, access: false };

/** Who sits in front of this screen. */
export class Session {
  phase = $state<SessionPhase>("asking");
  me = $state.raw<Me | null>(null);
  /** How one can sign in here. */
  ways = $state.raw<Ways>(NO_WAYS);
  problem = $state("");
  readonly #api: Api;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
    api.onSignedOut = () => {
      if (this.phase !== "signed-in") return;
      this.me = null;
      void this.#askSetup();
    };
  }

  async ask(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      this.me = await this.#api.me();
      this.phase = "signed-in";
      sessionStorage.removeItem(LEFT);
    } catch (problem) {
      // 403: a paired display, which is no person.
      const nobody = problem instanceof ApiError && [401, 403].includes(problem.status);
      if (nobody) await this.#askSetup();
      else this.#lost(problem);
    }
  }

  /** Reads again what the server knows about this person: a second factor came or went. */
  async refresh(): Promise<void> {
    this.me = await this.#api.me();
  }

  async #askSetup(): Promise<void> {
    try {
      const { required, ways } = await this.#api.setup();
      this.ways = ways;
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

  /** Has the proxy before us vouched for somebody? */
  async loginByAccess(): Promise<void> {
    await this.#api.loginByAccess();
    await this.ask();
  }

  async register(registration: Registration): Promise<void> {
    await this.#api.register(registration);
    await this.ask();
  }

  /** Whoever has just signed out must not be signed in again by what stands before Parlor. */
  get left(): boolean {
    return sessionStorage.getItem(LEFT) !== null;
  }

  async logout(): Promise<void> {
    await this.#api.logout();
    forgetDrafts();
    sessionStorage.setItem(LEFT, "1");
    // A fresh page is the surest way to keep nothing of one person for the next.
    location.assign("/login");
  }
}
