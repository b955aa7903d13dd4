/** Programs of others that a person lets into Parlor by a click. */
import type { Http } from "./http.ts";
import type { AppDecided, AppSeen, ConnectedApps } from "./types.ts";

export class AppsApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** `query`: as it stands behind /authorize in the address bar. */
  look(query: string): Promise<AppSeen> {
    return this.#http.json("POST", "/api/auth/apps/look", { query });
  }

  decide(request: string, allow: boolean): Promise<AppDecided> {
    return this.#http.json("POST", "/api/auth/apps/decide", { request, allow });
  }

  connected(): Promise<ConnectedApps> {
    return this.#http.json("GET", "/api/auth/apps");
  }

  disconnect(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/auth/apps/${encodeURIComponent(id)}`);
  }
}
