/** Why signing in elsewhere did not lead in here: the code that the server puts behind `#problem=`. */
const WORDS: Readonly<Record<string, string>> = {
  oidc_unknown: "That account belongs to nobody here. Ask the owner to add you first.",
  oidc_denied: "The sign-in was called off over there.",
  oidc_expired: "That took too long. Please start again.",
  oidc_taken: "That account is connected to somebody else here.",
  oidc_failed: "The other service could not sign you in right now.",
  too_many_attempts: "Too many tries from here. Please wait a quarter of an hour.",
};

/** Any other code is told without its name: it comes from an address that anybody can write. */
export function refusalWords(code: string): string {
  if (code === "") return "";
  return Object.hasOwn(WORDS, code)
    ? (WORDS[code] ?? "")
    : "Signing in over there did not work. Please try again.";
}
