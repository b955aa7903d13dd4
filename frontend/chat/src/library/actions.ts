import type { Summary } from "@parlor/shared/api/types.ts";
import type { MenuItem } from "@parlor/shared/ui/menu.ts";

export interface ConversationIntents {
  onrename: () => void;
  onpin: () => void;
  onarchive: () => void;
  ondelete: () => void;
}

/** What can be done to a conversation, in the list and in its header alike. */
export function conversationActions(of: Summary, intents: ConversationIntents): MenuItem[] {
  return [
    { label: "Rename", icon: "pencil", onpick: intents.onrename },
    { label: of.pinned ? "Unpin" : "Pin", icon: "pin", onpick: intents.onpin },
    {
      label: of.archived ? "Take out of the archive" : "Archive",
      icon: "archive",
      onpick: intents.onarchive,
    },
    { label: "Delete", icon: "trash", danger: true, onpick: intents.ondelete },
  ];
}
