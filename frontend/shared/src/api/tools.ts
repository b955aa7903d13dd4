/** Tool servers and their tools. */
import type { Http } from "./http.ts";
import type {
  SignedOut,
  SignInPage,
  ToolChoice,
  ToolChoices,
  ToolList,
  ToolServer,
  ToolServerList,
} from "./types.ts";

function path(serverId: string, rest = ""): string {
  return `/api/mcp/servers/${encodeURIComponent(serverId)}${rest}`;
}

export class ToolsApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  servers(): Promise<ToolServerList> {
    return this.#http.json("GET", "/api/mcp/servers");
  }

  connect(url: string): Promise<ToolServer> {
    return this.#http.json("POST", "/api/mcp/servers/connect", { url });
  }

  refresh(): Promise<ToolServerList> {
    return this.#http.json("POST", "/api/mcp/servers/refresh");
  }

  switchServer(id: string, enabled: boolean): Promise<ToolServerList> {
    return this.#http.json("PATCH", path(id), { enabled });
  }

  remove(id: string): Promise<unknown> {
    return this.#http.json("DELETE", path(id));
  }

  switchTool(id: string, tool_name: string, enabled: boolean): Promise<ToolServerList> {
    return this.#http.json("POST", path(id, "/tools"), { tool_name, enabled });
  }

  /** `fingerprint`: of the words that were on the screen. */
  approve(id: string, tool_name: string, fingerprint: string): Promise<ToolList> {
    return this.#http.json("POST", path(id, "/approve"), { tools: [{ tool_name, fingerprint }] });
  }

  choose(choice: ToolChoice): Promise<ToolChoices> {
    return this.#http.json("PUT", "/api/mcp/policy", choice);
  }

  signIn(id: string): Promise<SignInPage> {
    return this.#http.json("POST", path(id, "/sign-in"));
  }

  signOut(id: string): Promise<SignedOut> {
    return this.#http.json("DELETE", path(id, "/sign-in"));
  }
}
