import { expect, test } from "vitest";

import { exhibits } from "./media.ts";

const media = (file_id: string, media_type: string) => ({ file_id, media_type, bytes: 1 });

test("a single picture is named after its tool", () => {
  expect(exhibits([media("file_1", "image/png")], "Camera look")).toEqual([
    {
      id: "file_1",
      kind: "picture",
      address: "/api/uploads/file_1/content",
      name: "Picture from Camera look",
    },
  ]);
});

test("several of a kind are counted, each kind by itself", () => {
  const all = [media("a", "image/png"), media("b", "audio/ogg"), media("c", "image/gif")];
  expect(exhibits(all, "Radio").map((one) => one.name)).toEqual([
    "Picture 1 of 2 from Radio",
    "Sound from Radio",
    "Picture 2 of 2 from Radio",
  ]);
});

test("an id never leaves its place in the address", () => {
  expect(exhibits([media("../x?y", "image/png")], "T")[0]?.address).toBe(
    "/api/uploads/..%2Fx%3Fy/content",
  );
});
