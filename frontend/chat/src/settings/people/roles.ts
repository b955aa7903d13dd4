import type { Role } from "@parlor/shared/api/types.ts";

export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  owner: "Owner",
  adult: "Adult",
  child: "Child",
};

export const ROLE_CHOICES = [
  { value: "adult", label: "Adult", hint: "Chats, pairs displays, makes keys." },
  { value: "child", label: "Child", hint: "Chats within limits that you set." },
] as const;
