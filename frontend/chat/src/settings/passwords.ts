/** The server's own rule is the same; here it is told while one types. */
export const SHORTEST_PASSWORD = 8;

export function stillShort(password: string): string {
  const missing = SHORTEST_PASSWORD - password.length;
  return password === "" || missing <= 0 ? "" : `${String(missing)} more to go.`;
}

/** Without letters and digits that are taken for one another on paper. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP = 4;

/** A password to hand over on paper, about 79 bits: "kfmp-xw3r-7ntd-hq2v". */
export function generatedPassword(): string {
  const group = () => Array.from({ length: GROUP }, randomLetter).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}

/** Bytes beyond the last whole multiple are thrown away, so that every letter is as likely. */
function randomLetter(): string {
  const limit = 256 - (256 % LETTERS.length);
  const byte = new Uint8Array(1);
  do crypto.getRandomValues(byte);
  while ((byte[0] ?? 255) >= limit);
  return LETTERS[(byte[0] ?? 0) % LETTERS.length] ?? "";
}
