/** The app's few addresses. */

export type Route =
  { name: "chat"; id: string | null } | { name: "setup" } | { name: "login" } | { name: "unknown" };

export function routeOf(path: string): Route {
  if (path === "/") return { name: "chat", id: null };
  if (path === "/setup") return { name: "setup" };
  if (path === "/login") return { name: "login" };
  const id = /^\/c\/([\w-]{1,100})\/?$/.exec(path)?.[1];
  return id === undefined ? { name: "unknown" } : { name: "chat", id };
}

export function chatPath(id: string | null): string {
  return id === null ? "/" : `/c/${id}`;
}

/** Where to go after signing in: only ever into this app. */
export function safeReturn(wanted: string | null): string {
  if (wanted === null) return "/";
  const route = routeOf(wanted);
  return route.name === "chat" ? chatPath(route.id) : "/";
}
