/** What stands behind the `#` of a link: no server and no log ever sees it, and it leaves the
 * address bar as soon as it is read. */
export function takeFragment(name: string): string {
  const value = new URLSearchParams(location.hash.slice(1)).get(name) ?? "";
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  return value;
}
