/** What is asked of the server to get an answer. */
import type { StreamRequest } from "@parlor/shared/api/types.ts";

import type { Outgoing } from "./shown.ts";

export function timezone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function streamRequest(
  { clientId, text, resources, parentId, editOf }: Outgoing,
  conversationId: string | null,
  model: string | null,
): StreamRequest {
  const request: StreamRequest = {
    messages: [{ role: "user", content: text, client_message_id: clientId }],
    timezone: timezone(),
    resources: [...resources],
  };
  if (conversationId !== null) request.conversation_id = conversationId;
  if (model !== null) request.model = model;
  if (editOf !== null) request.edit_of = editOf;
  else if (parentId !== null) request.parent_id = parentId;
  return request;
}
