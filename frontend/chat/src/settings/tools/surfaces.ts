/** Where tools may be used, in words. */
import type { ToolClient, ToolPreference, ToolServer } from "@parlor/shared/api/types.ts";
import type { IconName } from "@parlor/shared/ui/icons.ts";

export interface Surface {
  readonly client: ToolClient;
  readonly label: string;
  readonly icon: IconName;
}

export const SURFACES: readonly Surface[] = [
  { client: "chat", label: "Chat", icon: "compose" },
  { client: "voice", label: "Voice", icon: "wave" },
  { client: "kiosk", label: "Displays", icon: "screen" },
  { client: "cli", label: "Command line", icon: "terminal" },
  { client: "api", label: "Programs and connected apps", icon: "link" },
];

type Named = Pick<ToolServer, "id" | "name">;

/** Servers that are gone are not spoken of. */
export function wantedWords(
  wanted: ToolPreference["enabled_servers"],
  servers: readonly Named[],
): string {
  if (wanted === null) return "All servers";
  const names = servers.filter(({ id }) => wanted.includes(id)).map(({ name }) => name);
  return names.length === 0 ? "No server" : names.join(", ");
}
