"""Which files there are, whose, and of which answer. Everything is checked against its owner."""

from collections.abc import Iterable, Sequence

import orjson

from backend.attachments.records import KeptFile, Owner
from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis
from backend.kit.errors import NotFoundError


class FileStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, owner: Owner, files: Sequence[KeptFile]) -> None:
        """Raises NotFoundError when the conversation was deleted meanwhile."""
        now = to_millis(self._clock.now())

        def insert(connection: Connection) -> None:
            for one in files:
                added = connection.execute(
                    "INSERT INTO files (id, user_id, conversation_id, message_id, sha256,"
                    " media_type, bytes, created_at) SELECT ?, owner_id, id, ?, ?, ?, ?, ?"
                    " FROM conversations WHERE id = ? AND owner_id = ?",
                    (
                        one.id,
                        owner.message_id,
                        one.sha256,
                        one.media_type,
                        one.bytes,
                        now,
                        owner.conversation_id,
                        owner.user_id,
                    ),
                )
                if not added.rowcount:
                    raise NotFoundError("The conversation is gone.")

        await self._database.write(insert)

    async def find(self, user_id: str, file_id: str) -> KeptFile:
        """Raises NotFoundError."""

        def select(connection: Connection) -> KeptFile:
            row = connection.execute(
                "SELECT id, sha256, media_type, bytes FROM files WHERE id = ? AND user_id = ?",
                (file_id, user_id),
            ).fetchone()
            if row is None:
                raise NotFoundError("There is no such file.")
            return KeptFile(*row)

        return await self._database.read(select)

    async def used(self, contents: Iterable[str]) -> set[str]:
        """Those that somebody has."""
        wanted = _json(contents)
        return await self._database.read(
            lambda c: {
                row[0]
                for row in c.execute(
                    "SELECT DISTINCT sha256 FROM files"
                    " WHERE sha256 IN (SELECT value FROM json_each(?))",
                    (wanted,),
                )
            }
        )

    async def gone(self) -> list[str]:
        """Contents of files that were deleted; another file may still have them."""
        return await self._database.read(
            lambda c: [row[0] for row in c.execute("SELECT sha256 FROM files_gone LIMIT 500")]
        )

    async def settle(self, contents: Iterable[str]) -> None:
        """They were looked at: none of them waits to be removed any more."""
        settled = _json(contents)
        await self._database.write(
            lambda c: c.execute(
                "DELETE FROM files_gone WHERE sha256 IN (SELECT value FROM json_each(?))",
                (settled,),
            ),
            durable=False,
        )

    async def drop_unsaid(self, before_millis: int) -> None:
        """Files of answers that were never stored, because their question was deleted."""
        await self._database.write(
            lambda c: c.execute(
                "DELETE FROM files WHERE created_at < ?"
                " AND NOT EXISTS (SELECT 1 FROM messages WHERE id = files.message_id)"
                " AND NOT EXISTS (SELECT 1 FROM turns"
                " WHERE message_id = files.message_id AND status = 'running')",
                (before_millis,),
            )
        )


def _json(contents: Iterable[str]) -> str:
    return orjson.dumps(list(contents)).decode()
