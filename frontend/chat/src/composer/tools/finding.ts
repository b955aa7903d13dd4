/** Finding by a few letters, as in every list here that can be searched. */

function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Each word of the query has to be found somewhere. What has one in its first text at the very
 * beginning comes first; otherwise the order stays. */
export function found<T>(
  items: readonly T[],
  query: string,
  textsOf: (item: T) => readonly string[],
): readonly T[] {
  const words = folded(query).split(/\s+/).filter(Boolean);
  const [first = ""] = words;
  if (first === "") return items;
  const ahead: T[] = [];
  const others: T[] = [];
  for (const item of items) {
    const texts = textsOf(item).map(folded);
    if (!words.every((word) => texts.some((text) => text.includes(word)))) continue;
    (texts[0]?.startsWith(first) ? ahead : others).push(item);
  }
  return [...ahead, ...others];
}

/** In the order in which they come, under the name of whose they are. */
export function grouped<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly { readonly key: string; readonly items: readonly T[] }[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups].map(([key, list]) => ({ key, items: list }));
}
