/** What is taken along with a message from a tool server. */
import type { Resource, ResourceText } from "@parlor/shared/api/types.ts";

import { visible } from "../../conversation/asking.ts";
import type { Attached } from "../../conversation/shown.ts";

export function nameOf({ title, name }: Pick<Resource, "title" | "name">): string {
  return visible(title || name);
}

export function isSame(
  one: Pick<Attached, "server_id" | "uri">,
  other: Pick<Attached, "server_id" | "uri">,
): boolean {
  return one.server_id === other.server_id && one.uri === other.uri;
}

export function attachedFrom(
  resource: Resource,
  uri: string,
  { title, mime_type, text }: ResourceText,
): Attached {
  const { server_id, server, name } = resource;
  return { server_id, server, uri, title: title || resource.title || name, mime_type, text };
}

const NAMES = ["B", "kB", "MB"];

/** How much text it is, as files tell it. */
export function sizeWords(text: string): string {
  let size = new TextEncoder().encode(text).length;
  let name = 0;
  while (size >= 1000 && name < NAMES.length - 1) {
    size /= 1000;
    name += 1;
  }
  const short = name === 0 || size >= 10 ? String(Math.round(size)) : size.toFixed(1);
  return `${short} ${NAMES[name] ?? ""}`;
}
