/** The app's few addresses. */

const SETTINGS_PAGES = [
  "account",
  "people",
  "tools",
  "memory",
  "devices",
  "log",
  "system",
] as const;
export type SettingsPage = (typeof SETTINGS_PAGES)[number];

export type Route =
  | { name: "chat"; id: string | null }
  | { name: "settings"; page: SettingsPage; id: string | null }
  | { name: "pair" }
  | { name: "authorize" }
  | { name: "setup" }
  | { name: "login" }
  | { name: "unknown" };

const PLAIN: Readonly<Record<string, Route>> = {
  "/": { name: "chat", id: null },
  "/setup": { name: "setup" },
  "/login": { name: "login" },
  "/pair": { name: "pair" },
  "/authorize": { name: "authorize" },
  "/settings": { name: "settings", page: "account", id: null },
};

export function routeOf(path: string): Route {
  const bare = path.replace(/(?<=[^/])\/$/, "");
  const plain = Object.hasOwn(PLAIN, bare) ? PLAIN[bare] : undefined;
  if (plain) return plain;
  const conversation = /^\/c\/([\w-]{1,100})$/.exec(bare)?.[1];
  if (conversation !== undefined) return { name: "chat", id: conversation };
  const [, name, id = null] = /^\/settings\/(\w+)(?:\/([\w-]{1,100}))?$/.exec(bare) ?? [];
  const page = SETTINGS_PAGES.find((one) => one === name);
  if (page === undefined || (id !== null && page !== "people" && page !== "tools"))
    return { name: "unknown" };
  return { name: "settings", page, id };
}

export function chatPath(id: string | null): string {
  return id === null ? "/" : `/c/${id}`;
}

export function settingsPath(page: SettingsPage, id: string | null = null): string {
  return id === null ? `/settings/${page}` : `/settings/${page}/${id}`;
}

/** Needs somebody who is signed in, so it is worth coming back to after signing in. */
export function isInside(route: Route): boolean {
  return ["chat", "settings", "pair", "authorize"].includes(route.name);
}

/** Where to go after signing in: only ever into this app. */
export function safeReturn(wanted: string | null): string {
  if (wanted === null) return "/";
  // What an app asks for stands in the query, and is looked at by the server alone.
  if (/^\/authorize(\?[^#]*)?$/.test(wanted)) return wanted;
  const route = routeOf(wanted);
  if (route.name === "chat") return chatPath(route.id);
  if (route.name === "settings") return settingsPath(route.page, route.id);
  return route.name === "pair" ? "/pair" : "/";
}
