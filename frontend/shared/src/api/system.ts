/** How this Parlor is, for its owner. */
import type { Http } from "./http.ts";
import type { System } from "./types.ts";

export function readSystem(http: Http): Promise<System> {
  return http.json("GET", "/api/system");
}
