/** A person's own account: password, second factors, sessions, keys. */
import type { Http } from "./http.ts";
import type {
  ApiKey,
  Identity,
  NewKey,
  KeyRequest,
  Passkey,
  ProviderPage,
  RecoveryCodes,
  SessionInfo,
  SignedInUser,
  TotpEnrolment,
} from "./types.ts";
import type { CreationQuestion, CreatedCredential } from "./webauthn.ts";

interface Items<T> {
  items: T[];
}

export class AccountApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  rename(displayName: string): Promise<SignedInUser> {
    return this.#http.json("PATCH", "/api/auth/me", { display_name: displayName });
  }

  changePassword(current: string, fresh: string): Promise<void> {
    return this.#http.json("POST", "/api/auth/password", { current, new: fresh });
  }

  sessions(): Promise<Items<SessionInfo>> {
    return this.#http.json("GET", "/api/auth/sessions");
  }

  endSession(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/auth/sessions/${encodeURIComponent(id)}`);
  }

  endOtherSessions(): Promise<void> {
    return this.#http.json("DELETE", "/api/auth/sessions");
  }

  beginTotp(password: string): Promise<TotpEnrolment> {
    return this.#http.json("POST", "/api/auth/totp", { password });
  }

  confirmTotp(code: string): Promise<RecoveryCodes> {
    return this.#http.json("POST", "/api/auth/totp/confirm", { code });
  }

  endTotp(password: string): Promise<void> {
    return this.#http.json("DELETE", "/api/auth/totp", { password });
  }

  newRecoveryCodes(password: string): Promise<RecoveryCodes> {
    return this.#http.json("POST", "/api/auth/recovery-codes", { password });
  }

  passkeys(): Promise<Items<Passkey>> {
    return this.#http.json("GET", "/api/auth/passkeys");
  }

  beginPasskey(password: string): Promise<CreationQuestion> {
    return this.#http.json("POST", "/api/auth/passkeys/options", { password });
  }

  addPasskey(token: string, name: string, credential: CreatedCredential): Promise<Passkey> {
    return this.#http.json("POST", "/api/auth/passkeys", { token, name, credential });
  }

  removePasskey(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/auth/passkeys/${encodeURIComponent(id)}`);
  }

  identities(): Promise<Items<Identity>> {
    return this.#http.json("GET", "/api/auth/identities");
  }

  /** Where the person signs in there, with their password of here. */
  beginIdentity(password: string): Promise<ProviderPage> {
    return this.#http.json("POST", "/api/auth/oidc/link", { password });
  }

  removeIdentity(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/auth/identities/${encodeURIComponent(id)}`);
  }

  keys(): Promise<Items<ApiKey>> {
    return this.#http.json("GET", "/api/auth/keys");
  }

  makeKey(key: KeyRequest): Promise<NewKey> {
    return this.#http.json("POST", "/api/auth/keys", key);
  }

  removeKey(id: string): Promise<void> {
    return this.#http.json("DELETE", `/api/auth/keys/${encodeURIComponent(id)}`);
  }
}
