/** Which addresses in a model's answer may become links. The browser's own parser reads them
 * first: tabs, line ends and odd spellings are gone before the scheme is looked at. */

const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);
const LONG_QUERY = 200;

export interface SafeLink {
  readonly href: string;
  /** Where it really goes; empty for mailto and tel. */
  readonly host: string;
  /** Characters that the address itself would carry there, when that is suspiciously many. */
  readonly carries: number;
}

export function safeLink(raw: string): SafeLink | null {
  let url: URL;
  try {
    url = new URL(raw);
  } catch {
    // Relative addresses would point into this app, which a model has no business to do.
    return null;
  }
  if (!SCHEMES.has(url.protocol)) return null;
  if (url.username !== "" || url.password !== "") return null;
  const web = url.protocol === "http:" || url.protocol === "https:";
  const payload = url.search.length + url.hash.length;
  return {
    href: url.href,
    host: web ? url.host : "",
    carries: web && payload > LONG_QUERY ? payload : 0,
  };
}

/** True when the words of a link name another host than the one it leads to. */
export function deceives(label: string, host: string): boolean {
  const named = /^\s*(?:https?:\/\/)?((?:[\w-]+\.)+[a-z]{2,})(?:[/:?#\s]|$)/i.exec(label)?.[1];
  if (named === undefined || host === "") return false;
  const plain = (name: string) =>
    name
      .toLowerCase()
      .replace(/^www\./, "")
      .replace(/:\d+$/, "");
  return plain(named) !== plain(host);
}
