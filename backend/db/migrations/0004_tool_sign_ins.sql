-- A person's sign-in at a tool server; its tokens are in `stored_secrets`, sealed.
CREATE TABLE tool_sign_ins (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    token_url TEXT NOT NULL,
    revoke_url TEXT NOT NULL,
    scope TEXT NOT NULL,
    lacking TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, server_id)
) STRICT, WITHOUT ROWID;

-- Who this Parlor is to an authorisation server that gave it a name (RFC 7591).
CREATE TABLE tool_clients (
    issuer TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    client_id TEXT NOT NULL,
    auth_method TEXT NOT NULL,
    PRIMARY KEY (issuer, redirect_uri)
) STRICT, WITHOUT ROWID;
