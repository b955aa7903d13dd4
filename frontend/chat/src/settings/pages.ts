/** Who sees which page of the settings. */
import type { Role } from "@parlor/shared/api/types.ts";
import type { IconName } from "@parlor/shared/ui/icons.ts";

import type { SettingsPage } from "../routes.ts";

export interface PageLink {
  readonly name: SettingsPage;
  readonly label: string;
  readonly icon: IconName;
  readonly roles: readonly Role[];
}

const PAGES: readonly PageLink[] = [
  { name: "account", label: "My account", icon: "person", roles: ["owner", "adult", "child"] },
  { name: "people", label: "People", icon: "people", roles: ["owner"] },
  { name: "tools", label: "Tools", icon: "tool", roles: ["owner", "adult", "child"] },
  { name: "memory", label: "Memory", icon: "thought", roles: ["owner", "adult", "child"] },
  { name: "devices", label: "Displays", icon: "screen", roles: ["owner", "adult"] },
  { name: "log", label: "Log", icon: "journal", roles: ["owner"] },
  { name: "system", label: "This Parlor", icon: "home", roles: ["owner"] },
];

export function pagesFor(role: Role): readonly PageLink[] {
  return PAGES.filter((page) => page.roles.includes(role));
}
