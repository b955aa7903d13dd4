-- Times are milliseconds since 1970 (UTC); costs are US dollars; JSON columns hold JSON text.

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE COLLATE NOCASE,
    display_name TEXT NOT NULL,
    email TEXT UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'adult', 'child')),
    limits TEXT NOT NULL DEFAULT '{}',
    token_version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

-- A browser's session, or the chain of a program's refresh tokens. Of the cookie, or of the one refresh
-- token that is good now, only the hash is kept.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'token')),
    token_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    title_source TEXT NOT NULL CHECK (title_source IN ('auto', 'person')),
    model TEXT,
    system_prompt TEXT,
    -- Product and agent that a program speaks for, as JSON.
    metadata TEXT NOT NULL DEFAULT '{}',
    pinned INTEGER NOT NULL DEFAULT 0,
    archived INTEGER NOT NULL DEFAULT 0,
    leaf_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_by_owner ON conversations (owner_id, archived, pinned DESC, updated_at DESC, id DESC);

-- `number` keeps the full-text index attached to the row through a VACUUM.
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    turn_id TEXT,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    status TEXT NOT NULL CHECK (status IN ('complete', 'stopped', 'interrupted', 'failed')),
    parts TEXT NOT NULL,
    notices TEXT NOT NULL DEFAULT '[]',
    error TEXT,
    usage TEXT,
    model TEXT,
    finish_reason TEXT,
    reasoning_details TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_conversation ON messages (conversation_id, number);
CREATE INDEX messages_by_parent ON messages (parent_id);

CREATE VIRTUAL TABLE message_text USING fts5 (text, tokenize = "unicode61 remove_diacritics 2");
CREATE TRIGGER message_text_delete AFTER DELETE ON messages BEGIN
    DELETE FROM message_text WHERE rowid = old.number;
END;

CREATE TABLE turns (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    client_message_id TEXT,
    parent_id TEXT,
    message_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('send', 'regenerate', 'continue')),
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'stopped', 'interrupted', 'failed')),
    model TEXT NOT NULL,
    cost REAL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX turns_running ON turns (conversation_id) WHERE status = 'running';
CREATE UNIQUE INDEX turns_by_client_message ON turns (owner_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
CREATE INDEX turns_by_conversation ON turns (conversation_id);

-- What turns have cost that went with their conversation: deleting it is no way to a new allowance.
CREATE TABLE deleted_turns (
    number INTEGER PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    cost REAL NOT NULL
) STRICT;
CREATE INDEX deleted_turns_by_owner ON deleted_turns (owner_id, created_at);
CREATE TRIGGER turns_keep_cost AFTER DELETE ON turns
WHEN old.cost > 0 AND EXISTS (SELECT 1 FROM users WHERE id = old.owner_id) BEGIN
    INSERT INTO deleted_turns (owner_id, created_at, cost)
    VALUES (old.owner_id, old.created_at, old.cost);
END;

-- Frames of events, as they were sent; a row holds those of one turn in one group commit. Rows are
-- appended and the index holds small integers, so that a commit of many turns touches few pages.
CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL REFERENCES turns (number) ON DELETE CASCADE,
    last_number INTEGER NOT NULL,
    frames BLOB NOT NULL
) STRICT;
CREATE INDEX journal_by_turn ON journal (turn);

CREATE TABLE generations (
    id TEXT PRIMARY KEY,
    turn_id TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    owner_id TEXT NOT NULL,
    model TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX generations_by_turn ON generations (turn_id);

CREATE TABLE model_lists (
    provider TEXT PRIMARY KEY,
    models TEXT NOT NULL,
    fetched_at INTEGER NOT NULL
) STRICT;
