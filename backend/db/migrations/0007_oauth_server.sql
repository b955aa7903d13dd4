-- Programs of others that people let in at /mcp (Parlor as an OAuth server for itself).

-- Programs that made themselves known (RFC 7591). Those with a document of their own are not here.
CREATE TABLE app_clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    uri TEXT,
    -- A JSON list.
    redirect_uris TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- When somebody let it in last. NULL: nobody has, so it is forgotten soon.
    allowed_at INTEGER
) STRICT, WITHOUT ROWID;

-- A yes that the program has not fetched its tokens for. Each code is taken once.
CREATE TABLE app_codes (
    code_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    uri TEXT,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resource TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX app_codes_by_user ON app_codes (user_id);

-- What a person let a program have.
CREATE TABLE app_grants (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    uri TEXT,
    scopes TEXT NOT NULL,
    resource TEXT NOT NULL,
    -- Of the code it was made from: one that comes again ends the grant.
    code_hash TEXT NOT NULL UNIQUE,
    -- What all refresh tokens of the grant begin with, and the one that is next.
    family_hash TEXT NOT NULL UNIQUE,
    refresh_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX app_grants_by_user ON app_grants (user_id);

CREATE TABLE app_tokens (
    token_hash TEXT PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES app_grants (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX app_tokens_by_grant ON app_tokens (grant_id);
