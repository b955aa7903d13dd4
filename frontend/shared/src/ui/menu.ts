import type { IconName } from "./icons.ts";

export interface MenuItem {
  label: string;
  icon: IconName;
  onpick: () => void;
  danger?: boolean;
  /** Given for a choice among several; true for the chosen one. */
  checked?: boolean;
}
