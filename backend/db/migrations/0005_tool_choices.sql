-- What a person decided about a tool, and its words and schema as they were then.
-- `server_id` is '' for Parlor's own tools. `ask`: approved once, to be asked each time.
CREATE TABLE tool_choices (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('allow', 'ask', 'deny')),
    fingerprint TEXT NOT NULL,
    definition TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, server_id, tool)
) STRICT, WITHOUT ROWID;
