-- Pictures and sounds that tools gave. The bytes lie in the folder `files` beside the database, once
-- for each content. `message_id` is the answer they belong to, which may still be being written.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_user ON files (user_id);
CREATE INDEX files_by_conversation ON files (conversation_id);
CREATE INDEX files_by_message ON files (message_id);
CREATE INDEX files_by_content ON files (sha256);
CREATE TRIGGER messages_take_files AFTER DELETE ON messages BEGIN
    DELETE FROM files WHERE message_id = old.id;
END;

-- Contents that may be in nobody's file any more: their bytes are removed soon after.
CREATE TABLE files_gone (
    sha256 TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TRIGGER files_leave AFTER DELETE ON files BEGIN
    INSERT OR IGNORE INTO files_gone (sha256) VALUES (old.sha256);
END;
