import { expect, test } from "vitest";

import { MessageTree, type Node } from "./tree.ts";

const node = (id: string, parent_id: string | null, role: Node["role"]): Node => ({
  id,
  parent_id,
  role,
  created_at: "",
});

// q1 has two answers; under the first, the second question was edited once.
const NODES = [
  node("q1", null, "user"),
  node("a1", "q1", "assistant"),
  node("q2", "a1", "user"),
  node("a2", "q2", "assistant"),
  node("q2b", "a1", "user"),
  node("a2b", "q2b", "assistant"),
  node("a1b", "q1", "assistant"),
];

const ids = (nodes: Node[]) => nodes.map((one) => one.id);

test("the path leads from the root to the leaf", () => {
  expect(ids(new MessageTree(NODES).pathTo("a2b"))).toEqual(["q1", "a1", "q2b", "a2b"]);
  expect(new MessageTree(NODES).pathTo(null)).toEqual([]);
  expect(new MessageTree(NODES).pathTo("unknown")).toEqual([]);
});

test("branches are the versions of one message, oldest first", () => {
  const tree = new MessageTree(NODES);
  expect(tree.branchesOf(node("q2b", "a1", "user"))).toEqual({ index: 1, ids: ["q2", "q2b"] });
  expect(tree.branchesOf(node("a1", "q1", "assistant"))).toEqual({ index: 0, ids: ["a1", "a1b"] });
});

test("a branch is taken up where it was left off", () => {
  const tree = new MessageTree(NODES);
  expect(tree.newestLeafBelow("a1")).toBe("a2b");
  expect(tree.newestLeafBelow("q2")).toBe("a2");
});

test("a message takes everything below it along", () => {
  expect([...new MessageTree(NODES).below("a1")].sort()).toEqual(["a1", "a2", "a2b", "q2", "q2b"]);
});

test("messages that point at each other in a ring hang nobody", () => {
  const tree = new MessageTree([node("a", "b", "user"), node("b", "a", "assistant")]);
  expect(tree.pathTo("a")).toHaveLength(2);
  expect(tree.below("a").size).toBe(2);
  expect(["a", "b"]).toContain(tree.newestLeafBelow("a"));
});
