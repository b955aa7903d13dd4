import type { ToolsApi } from "@parlor/shared/api/tools.ts";

import { Listing } from "../listing.svelte.ts";

/** Lamps tell how servers are now. */
const EVERY = 5000;

export function serverListing(api: ToolsApi) {
  return new Listing(async () => ({ items: (await api.servers()).servers }));
}

/** Reads a list while it is shown and seen. */
export function keptFresh(listing: { load: () => Promise<void> }): () => void {
  void listing.load();
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void listing.load();
  }, EVERY);
  return () => {
    clearInterval(timer);
  };
}
