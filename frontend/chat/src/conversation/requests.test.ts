import { expect, test } from "vitest";

import { streamRequest } from "./requests.ts";
import type { Outgoing } from "./shown.ts";

const OUTGOING: Outgoing = {
  clientId: "cli_1",
  text: "How long?",
  resources: [],
  parentId: "msg_1",
  editOf: null,
  problem: null,
};

test("a message says below which one it hangs, an edited one which it was", () => {
  expect(streamRequest(OUTGOING, "cnv_1", null)).toMatchObject({
    conversation_id: "cnv_1",
    parent_id: "msg_1",
    messages: [{ role: "user", content: "How long?", client_message_id: "cli_1" }],
  });
  const edited = streamRequest({ ...OUTGOING, editOf: "msg_2" }, "cnv_1", "demo/quick");
  expect(edited).toMatchObject({ edit_of: "msg_2", model: "demo/quick" });
  expect(edited).not.toHaveProperty("parent_id");
});

test("what was taken away from an edited message is not kept by the server", () => {
  expect(streamRequest({ ...OUTGOING, editOf: "msg_2" }, "cnv_1", null).resources).toEqual([]);
});
