-- Servers that people added or that were found; the operator's own stand in a file.
CREATE TABLE tool_servers (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('person', 'discovery')),
    added_by TEXT REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- For everybody. `tool` is '' for the server itself; servers of the file have switches as well.
CREATE TABLE tool_switches (
    server_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    PRIMARY KEY (server_id, tool)
) STRICT, WITHOUT ROWID;

-- Which servers a person wants on which surface; no row: all of them.
CREATE TABLE tool_preferences (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    servers TEXT NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT, WITHOUT ROWID;

-- A tool's words and schema as they were approved, to show what a change changes.
CREATE TABLE tool_pins (
    server_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    definition TEXT NOT NULL,
    approved_at INTEGER NOT NULL,
    PRIMARY KEY (server_id, tool)
) STRICT, WITHOUT ROWID;
