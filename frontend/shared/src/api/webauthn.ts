/** Passkeys: the server speaks base64url, the browser bytes. Loaded when one is made or used. */
import type { Http } from "./http.ts";
import type { SignedInUser } from "./types.ts";

type Described = Omit<PublicKeyCredentialDescriptor, "id"> & { id: string };

type CreationJson = Omit<
  PublicKeyCredentialCreationOptions,
  "challenge" | "user" | "excludeCredentials"
> & {
  challenge: string;
  user: { id: string; name: string; displayName: string };
  excludeCredentials?: Described[];
};

type RequestJson = Omit<PublicKeyCredentialRequestOptions, "challenge" | "allowCredentials"> & {
  challenge: string;
  allowCredentials?: Described[];
};

export interface CreationQuestion {
  token: string;
  options: CreationJson;
}

export interface RequestQuestion {
  token: string;
  options: RequestJson;
}

interface Answer {
  id: string;
  rawId: string;
  type: string;
  authenticatorAttachment: string | null;
  clientExtensionResults: AuthenticationExtensionsClientOutputs;
}

export interface CreatedCredential extends Answer {
  response: { clientDataJSON: string; attestationObject: string; transports: string[] };
}

export interface UsedCredential extends Answer {
  response: {
    clientDataJSON: string;
    authenticatorData: string;
    signature: string;
    userHandle: string | null;
  };
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function base64urlOf(buffer: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function described(list: Described[] | undefined): PublicKeyCredentialDescriptor[] {
  return (list ?? []).map((one) => ({ ...one, id: bytesOf(one.id) }));
}

function creationOptions(json: CreationJson): PublicKeyCredentialCreationOptions {
  return {
    ...json,
    challenge: bytesOf(json.challenge),
    user: { ...json.user, id: bytesOf(json.user.id) },
    excludeCredentials: described(json.excludeCredentials),
  };
}

function requestOptions(json: RequestJson): PublicKeyCredentialRequestOptions {
  return {
    ...json,
    challenge: bytesOf(json.challenge),
    allowCredentials: described(json.allowCredentials),
  };
}

function answerOf(credential: PublicKeyCredential): Answer {
  return {
    id: credential.id,
    rawId: base64urlOf(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

/** Null when the person changed their mind. */
export async function createPasskey(json: CreationJson): Promise<CreatedCredential | null> {
  const made = await asked(() =>
    navigator.credentials.create({ publicKey: creationOptions(json) }),
  );
  if (!made) return null;
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    ...answerOf(made),
    response: {
      clientDataJSON: base64urlOf(response.clientDataJSON),
      attestationObject: base64urlOf(response.attestationObject),
      transports: response.getTransports(),
    },
  };
}

export interface PasskeyUse {
  signal: AbortSignal;
  /** Offered among the names that the browser fills in, instead of in a window of its own. */
  quietly: boolean;
}

/** Null when the person changed their mind. */
async function usePasskey(
  json: RequestJson,
  { signal, quietly }: PasskeyUse,
): Promise<UsedCredential | null> {
  const mediation = quietly ? "conditional" : "optional";
  const used = await asked(() =>
    navigator.credentials.get({ publicKey: requestOptions(json), signal, mediation }),
  );
  if (!used) return null;
  const response = used.response as AuthenticatorAssertionResponse;
  return {
    ...answerOf(used),
    response: {
      clientDataJSON: base64urlOf(response.clientDataJSON),
      authenticatorData: base64urlOf(response.authenticatorData),
      signature: base64urlOf(response.signature),
      userHandle: response.userHandle ? base64urlOf(response.userHandle) : null,
    },
  };
}

const CHANGED_MIND = new Set(["NotAllowedError", "AbortError"]);

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential | null> {
  try {
    return (await ask()) as PublicKeyCredential | null;
  } catch (problem) {
    if (problem instanceof DOMException && CHANGED_MIND.has(problem.name)) return null;
    throw problem;
  }
}

/** Signs in with a passkey; false when the person changed their mind. */
export async function signInWithPasskey(http: Http, use: PasskeyUse): Promise<boolean> {
  const question = await http.json<RequestQuestion>("POST", "/api/auth/passkey/options", {});
  const credential = await usePasskey(question.options, use);
  if (!credential) return false;
  const { token } = question;
  await http.json<SignedInUser>("POST", "/api/auth/passkey", {
    token,
    credential,
    mode: "session",
  });
  return true;
}
