import type { ConnectedApp } from "@parlor/shared/api/types.ts";
import { agoWords } from "@parlor/shared/words/times.ts";

import { scopeList } from "../../consent/scopes.ts";

export function appNote(app: ConnectedApp, now: number): string {
  const may = scopeList(app.scopes)
    .map(({ label }) => label.charAt(0).toLowerCase() + label.slice(1))
    .join(", ");
  const used =
    app.last_used_at === null ? "never used" : `last used ${agoWords(app.last_used_at, now)}`;
  return `May ${may}. Let in ${agoWords(app.created_at, now)}, ${used}.`;
}
