/** A conversation is a tree of messages; a person sees one path through it. */

export interface Node {
  readonly id: string;
  readonly parent_id: string | null;
  readonly role: "user" | "assistant";
  readonly created_at: string;
}

export interface Branches {
  /** Place among the siblings, from 0, oldest first. */
  readonly index: number;
  readonly ids: readonly string[];
}

export class MessageTree<T extends Node> {
  readonly #byId = new Map<string, T>();
  readonly #children = new Map<string | null, T[]>();

  constructor(nodes: readonly T[]) {
    for (const node of nodes) this.#byId.set(node.id, node);
    for (const node of this.#byId.values()) {
      const siblings = this.#children.get(node.parent_id);
      if (siblings) siblings.push(node);
      else this.#children.set(node.parent_id, [node]);
    }
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  /** Root first. Stops where a parent is missing or comes up twice. */
  pathTo(leafId: string | null): T[] {
    const path: T[] = [];
    const seen = new Set<string>();
    let node = leafId === null ? undefined : this.#byId.get(leafId);
    while (node && !seen.has(node.id)) {
      seen.add(node.id);
      path.push(node);
      node = node.parent_id === null ? undefined : this.#byId.get(node.parent_id);
    }
    return path.reverse();
  }

  branchesOf(node: T): Branches {
    const siblings = this.#children.get(node.parent_id) ?? [node];
    const ids = siblings.filter((other) => other.role === node.role).map((other) => other.id);
    return { index: ids.indexOf(node.id), ids };
  }

  /** The newest end below a message: where its branch was left off. */
  newestLeafBelow(id: string): string {
    let leaf = id;
    const seen = new Set<string>();
    while (!seen.has(leaf)) {
      seen.add(leaf);
      leaf = this.#children.get(leaf)?.at(-1)?.id ?? leaf;
    }
    return leaf;
  }

  /** A message and everything under it. */
  below(id: string): Set<string> {
    const found = new Set<string>();
    const queue = [id];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      for (const child of this.#children.get(next) ?? []) queue.push(child.id);
    }
    return found;
  }
}
