/** All that a wall display may ask. */
import { Http } from "./http.ts";
import type { DeviceName, Pairing, PairingDone, PairingWaits } from "./types.ts";

export class DisplayApi extends Http {
  me(): Promise<DeviceName> {
    return this.json("GET", "/api/devices/me");
  }

  pair(): Promise<Pairing> {
    return this.json("POST", "/api/devices/pairings", {});
  }

  /** Has somebody approved it by now? Then the answer brings the cookie along. */
  claim(secret: string): Promise<PairingDone | PairingWaits> {
    return this.json("POST", "/api/devices/pairings/claim", { secret });
  }

  /** A person is signed in in this browser, and their cookie would win. */
  signPersonOut(): Promise<void> {
    return this.json("POST", "/api/auth/logout");
  }
}
