/** Where somebody wanted to go before the login was in the way. It outlives a visit to an identity
 * provider, which loads the page anew. */
import { safeReturn } from "../routes.ts";

const PATH = "parlor.return";
const CODE = "parlor.pairing";

export function rememberWay(path: string | null): void {
  if (path === null) sessionStorage.removeItem(PATH);
  else sessionStorage.setItem(PATH, path);
}

export function wayBack(): string | null {
  const path = sessionStorage.getItem(PATH);
  sessionStorage.removeItem(PATH);
  return path === null ? null : safeReturn(path);
}

/** The pairing code from a display's QR; it is of use for minutes only. */
export function rememberPairingCode(code: string): void {
  if (/^\d{6}$/.test(code)) sessionStorage.setItem(CODE, code);
}

export function takePairingCode(): string {
  const code = sessionStorage.getItem(CODE) ?? "";
  sessionStorage.removeItem(CODE);
  return code;
}
