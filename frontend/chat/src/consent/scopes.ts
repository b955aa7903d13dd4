/** What an app asks for, in words of its person. */

export interface ScopeWords {
  readonly scope: string;
  readonly label: string;
  readonly hint: string;
}

const WORDS: Readonly<Record<string, Omit<ScopeWords, "scope">>> = {
  chat: {
    label: "Ask models as you",
    hint: "Its questions count towards your limits and cost what yours cost. It may also look into your chats and what Parlor remembers about you.",
  },
  tools: {
    label: "Use your tools",
    hint: "Those of your tool servers that run without asking you.",
  },
};

/** A scope that this page does not know is shown as it is called. */
export function scopeList(scopes: readonly string[]): readonly ScopeWords[] {
  return scopes.map((scope) => {
    const words = Object.hasOwn(WORDS, scope) ? WORDS[scope] : undefined;
    return { scope, label: words?.label ?? scope, hint: words?.hint ?? "" };
  });
}

/** A program on the device that shows this page listens there. */
const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Where an app wants its answer: a page over https, or a program on this device. The server sees to
 * that; here it is seen to again, because this page goes there. Null: not to be followed. */
export function wayOut(redirect: string): string | null {
  try {
    const { protocol, hostname, href } = new URL(redirect);
    const near = protocol === "http:" && LOOPBACK.has(hostname);
    return near || protocol === "https:" ? href : null;
  } catch {
    return null;
  }
}
