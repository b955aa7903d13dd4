import { untrack } from "svelte";

import { type Route, routeOf } from "../routes.ts";

/** What the server answers itself, or another app of ours does. */
const ELSEWHERE = /^\/(?:api|kiosk|voice)(?:\/|$)/;

/** The address bar as state. Plain links inside the app are caught by `follow`. */
export class Router {
  path = $state(location.pathname);
  /** Counts the ways taken, also those that lead to where somebody is already. */
  visits = $state(0);
  readonly route: Route = $derived(routeOf(this.path));

  constructor() {
    addEventListener("popstate", () => {
      this.visits += 1;
      this.path = location.pathname;
    });
  }

  go(path: string, { replace = false } = {}): void {
    // Screens are guarded by effects that go elsewhere: they must not run again for that.
    untrack(() => (this.visits += 1));
    if (path === location.pathname) return;
    if (replace) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    this.path = location.pathname;
  }

  follow(event: MouseEvent): void {
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || event.button !== 0 || modified) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.origin !== location.origin || link.target !== "") return;
    if (ELSEWHERE.test(link.pathname)) return;
    event.preventDefault();
    this.go(link.pathname);
  }
}
