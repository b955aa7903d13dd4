import type { ToolsApi } from "@parlor/shared/api/tools.ts";

import type { AppState } from "../../state/app.svelte.ts";
import { Listing } from "../listing.svelte.ts";

export function serverListing(api: ToolsApi) {
  return new Listing(async () => ({ items: (await api.servers()).servers }));
}

/** Reads a list now, and again whenever a server or its tools have changed. */
export function keptFresh(app: AppState, listing: { load: () => Promise<void> }): () => void {
  void listing.load();
  return app.onChange("tools.changed", () => void listing.load());
}
