import { expect, test } from "vitest";

import { attachedFrom, sizeWords } from "./resources.ts";

test("sizes are told as files tell them", () => {
  expect(sizeWords("")).toBe("0 B");
  expect(sizeWords("ä")).toBe("2 B");
  expect(sizeWords("x".repeat(1000))).toBe("1.0 kB");
  expect(sizeWords("x".repeat(24_000))).toBe("24 kB");
});

test("what is attached is called as the server calls the text, or as the list did", () => {
  const resource = {
    server_id: "notes",
    server: "Notes",
    uri: "notes://{name}",
    name: "note",
    title: "A note",
    description: "",
    mime_type: "",
    is_template: true,
  };
  const read = { title: "", mime_type: "text/plain", text: "Milk", is_cut: false };
  expect(attachedFrom(resource, "notes://shopping", read)).toMatchObject({
    uri: "notes://shopping",
    title: "A note",
    text: "Milk",
  });
  expect(attachedFrom(resource, "notes://shopping", { ...read, title: "Shopping" }).title).toBe(
    "Shopping",
  );
});
