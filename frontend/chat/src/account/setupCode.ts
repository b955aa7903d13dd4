/** The one-time code from the set-up link. It stands behind the `#`, so no server and no log ever
 * sees it; here it leaves the address bar as soon as it is read. */
export function takeSetupCode(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  return code;
}
