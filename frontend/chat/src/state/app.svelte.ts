import { Api } from "@parlor/shared/api/client.ts";
import { wordsFor } from "@parlor/shared/api/errors.ts";
import { LiveConnection } from "@parlor/shared/api/live.ts";
import type { LiveEvent } from "@parlor/shared/api/types.ts";
import { markdownFor } from "@parlor/shared/markdown/lazy.ts";
import { Connection } from "@parlor/shared/state/connection.svelte.ts";
import { Theme } from "@parlor/shared/state/theme.svelte.ts";
import { Toasts } from "@parlor/shared/state/toasts.svelte.ts";
import { createContext } from "svelte";

import { forgetSent, keepAttached, keepDraft } from "../composer/drafts.ts";
import { OpenConversation } from "../conversation/conversation.svelte.ts";
import type { Outgoing } from "../conversation/shown.ts";
import { Library } from "../library/library.svelte.ts";
import { Catalog } from "../models/catalog.svelte.ts";
import { chatPath } from "../routes.ts";
import { SystemWatch } from "../settings/system/watch.svelte.ts";
import { randomId } from "./ids.ts";
import { OpenQuestions } from "./questions.svelte.ts";
import { Router } from "./router.svelte.ts";
import { Session } from "./session.svelte.ts";

/** How long an unseen tab goes on listening. */
const UNSEEN = 20_000;

/** Everything the screens share, made once and handed down by context. */
export class AppState {
  readonly api = new Api();
  readonly router = new Router();
  readonly session = new Session(this.api);
  readonly theme = new Theme();
  readonly toasts = new Toasts();
  readonly connection = new Connection();
  readonly library = new Library(this.api);
  readonly catalog = new Catalog(this.api);
  readonly questions = new OpenQuestions(this.api);
  readonly system = new SystemWatch(this.api);
  conversation = $state.raw<OpenConversation>(this.#make(null));
  /** Words that could not be sent, on their way back to the composer. */
  returned = $state.raw<Outgoing | null>(null);
  readonly #listeners = new Set<{ kind: LiveEvent["type"]; onchange: () => void }>();
  readonly #live: LiveConnection;
  #version: string | null = null;

  constructor() {
    this.#live = new LiveConnection({
      open: (signal) => this.api.events(signal),
      onEvent: (event) => {
        this.#take(event);
      },
      onConnected: (again) => {
        this.connection.stands();
        void this.questions.load();
        if (again) void this.#readAgain();
      },
      onLost: () => {
        this.connection.breaks();
      },
    });
    this.connection.onWake(() => {
      this.#live.wake();
    });
  }

  /** A browser opens only six connections to a server that speaks HTTP/1.1, over all its tabs
   * together: one that nobody looks at gives its own back. */
  #listenWhileSeen(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onvisibility = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") this.#live.start();
      else {
        timer = setTimeout(() => {
          this.#live.stop();
        }, UNSEEN);
      }
    };
    document.addEventListener("visibilitychange", onvisibility);
    this.#live.start();
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onvisibility);
      this.#live.stop();
    };
  }

  /** Somebody is signed in: read what they have and listen for changes. */
  enter(): () => void {
    void this.library.load();
    void this.catalog.load();
    void markdownFor.later();
    const stopListening = this.#listenWhileSeen();
    const stopWatching = this.system.watch(() => this.session.me?.user.role === "owner");
    return () => {
      stopListening();
      stopWatching();
      this.conversation.leave();
      this.conversation = this.#make(null);
      this.library.clear();
      this.questions.clear();
    };
  }

  /** Shows the conversation of an address, unless it is on the screen already. */
  show(id: string | null): void {
    if (this.conversation.id === id && this.conversation.phase !== "missing") return;
    this.conversation.leave();
    this.conversation = this.#make(id);
    void this.conversation.load();
  }

  tell(problem: unknown): void {
    this.toasts.show(wordsFor(problem), { kind: "problem" });
  }

  /** Or takes it out of the archive; either can be taken back for a moment. */
  async archive(id: string, archived: boolean): Promise<void> {
    try {
      await this.library.change(id, { archived });
      const onpick = () => {
        this.library.change(id, { archived: !archived }).catch((problem: unknown) => {
          this.tell(problem);
        });
      };
      const words = archived ? "Archived." : "Back in the list.";
      this.toasts.show(words, { action: { label: "Undo", onpick } });
    } catch (problem) {
      this.tell(problem);
    }
  }

  async deleteConversation(id: string): Promise<void> {
    await this.library.delete(id);
    keepDraft(id, "");
    keepAttached(id, []);
    if (this.conversation.id === id) this.router.go(chatPath(null));
  }

  /** Calls back when something of that kind has changed, or may have while nobody listened. */
  onChange(kind: LiveEvent["type"], onchange: () => void): () => void {
    const listener = { kind, onchange };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async #readAgain(): Promise<void> {
    for (const { onchange } of this.#listeners) onchange();
    await Promise.all([this.library.load(), this.conversation.refresh()]);
  }

  #take(event: LiveEvent): void {
    if (event.type === "hello") {
      this.#greet(event.version);
      return;
    }
    this.library.apply(event);
    this.questions.apply(event);
    this.conversation.apply(event);
    for (const { kind, onchange } of this.#listeners) if (kind === event.type) onchange();
  }

  #greet(version: string): void {
    if (this.#version !== null && this.#version !== version) {
      const action = {
        label: "Reload",
        onpick: () => {
          location.reload();
        },
      };
      this.toasts.show("Parlor was updated.", { action, sticky: true });
    }
    this.#version = version;
  }

  #make(id: string | null): OpenConversation {
    return new OpenConversation(
      {
        api: this.api,
        onCreated: (created) => {
          this.conversation.summary ??= this.library.find(created);
          this.router.go(chatPath(created), { replace: true });
        },
        onSummary: (summary) => {
          this.library.put(summary);
        },
        onSent: (sent, from) => {
          forgetSent(from, sent);
        },
        onReturned: (outgoing, why) => {
          this.returned = outgoing;
          if (why !== "") this.toasts.show(why, { kind: "problem" });
        },
        onProblem: (words) => {
          this.toasts.show(words, { kind: "problem" });
        },
        onWake: (wake) => this.connection.onWake(wake),
        newId: randomId,
      },
      id,
    );
  }
}

export const [getApp, setApp] = createContext<AppState>();
