// The TypeScript SDK's own client signs in at a Parlor, calls, is refused, and refreshes.
// Arguments: the SDK's folder, its major version, /mcp's address, the cookie of the person who is asked.
const [folder, version, address, cookie] = process.argv.slice(2);
const load = (path) => import(`${folder}/${path}`);
const { Client, StreamableHTTPClientTransport } =
  version === "1"
    ? { ...(await load("sdk/dist/esm/client/index.js")), ...(await load("sdk/dist/esm/client/streamableHttp.js")) }
    : await load("client/dist/index.mjs");

const kept = {};
let back;

async function post(path, body) {
  const headers = { "content-type": "application/json", cookie: `parlor=${cookie}` };
  const answer = await fetch(new URL(path, address), { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
}

const authProvider = {
  redirectUrl: "http://localhost:14000/callback",
  clientMetadata: {
    client_name: `TypeScript ${version}`,
    redirect_uris: ["http://localhost:14000/callback"],
    token_endpoint_auth_method: "client_secret_post",
  },
  state: () => "a state",
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  discoveryState: () => kept.discovery,
  saveDiscoveryState: (discovery) => void (kept.discovery = discovery),
  // The browser: its person looks, and says yes.
  async redirectToAuthorization(url) {
    const { request } = await post("/api/auth/apps/look", { query: url.search });
    const { redirect } = await post("/api/auth/apps/decide", { request, allow: true });
    back = new URL(redirect).searchParams;
  },
};

async function connect() {
  const transport = new StreamableHTTPClientTransport(new URL(address), { authProvider });
  const client = new Client({ name: "a test", version: "1" });
  try {
    await client.connect(transport);
  } catch (error) {
    if (back === undefined) throw error;
    const answer = back;
    back = undefined;
    await transport.finishAuth(version === "1" ? answer.get("code") : answer);
    return connect();
  }
  return client;
}

async function tools() {
  const client = await connect();
  const found = await client.listTools();
  await client.close();
  return found.tools.map((tool) => tool.name);
}

const names = await tools();
const first = kept.tokens.refresh_token;
kept.tokens = { ...kept.tokens, access_token: "void" };
await tools();
const refreshed = first !== kept.tokens.refresh_token && back === undefined;
console.log(JSON.stringify({ names, refreshed }));
