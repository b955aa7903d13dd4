-- What Parlor remembers about a person across conversations. `conversation_id`: where it was said;
-- NULL when the person wrote it down themselves, or deleted that conversation.
CREATE TABLE memories (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, text)
) STRICT;
CREATE INDEX memories_by_conversation ON memories (conversation_id) WHERE conversation_id IS NOT NULL;
