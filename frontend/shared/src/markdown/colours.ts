/** The highlighter, fetched once and only when code is on the screen. */
import type { Run } from "../chat/highlight.ts";

export type Highlight = (code: string, language: string) => Run[] | null;

let loading: Promise<Highlight> | null = null;

export function coloursFor(): Promise<Highlight> {
  loading ??= import("../chat/highlight.ts").then(
    (module) => module.highlight,
    () => {
      loading = null;
      return () => null;
    },
  );
  return loading;
}
