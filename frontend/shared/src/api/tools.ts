/** Tool servers and their tools. */
import type { Http } from "./http.ts";
import type {
  PromptList,
  PromptRequest,
  PromptText,
  ResourceList,
  ResourceRequest,
  ResourceText,
  SignedOut,
  SignInPage,
  ToolChoice,
  ToolChoices,
  ToolClient,
  ToolList,
  ToolPreference,
  ToolServer,
  ToolServerList,
  Traffic,
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

  /** Parlor's own tools. */
  own(): Promise<ToolList> {
    return this.#http.json("GET", "/api/mcp/own");
  }

  preference(client: ToolClient): Promise<ToolPreference> {
    return this.#http.json("GET", `/api/mcp/preferences/${client}`);
  }

  /** null: all servers, also those that come later. */
  prefer(client: ToolClient, enabled_servers: readonly string[] | null): Promise<ToolPreference> {
    return this.#http.json("PUT", `/api/mcp/preferences/${client}`, { enabled_servers });
  }

  /** What was said with the server lately, for the owner's eyes. */
  traffic(id: string): Promise<Traffic> {
    return this.#http.json("GET", path(id, "/traffic"));
  }

  record(id: string, recording: boolean): Promise<Traffic> {
    return this.#http.json("PUT", path(id, "/traffic"), { recording });
  }

  prompts(): Promise<PromptList> {
    return this.#http.json("GET", "/api/mcp/prompts?client=chat");
  }

  prompt(request: PromptRequest): Promise<PromptText> {
    return this.#http.json("POST", "/api/mcp/prompts/get", request);
  }

  resources(): Promise<ResourceList> {
    return this.#http.json("GET", "/api/mcp/resources?client=chat");
  }

  readResource(request: ResourceRequest): Promise<ResourceText> {
    return this.#http.json("POST", "/api/mcp/resources/read", request);
  }
}
