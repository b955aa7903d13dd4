"""Questions put to a browser that it answers once and soon: for passkeys, and sign-in elsewhere."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis

_MOST = 5000
"""Anybody may have questions put: the oldest give way."""


@dataclass(frozen=True, slots=True)
class Challenge:
    kind: str
    payload: str
    user_id: str | None = None


class ChallengeStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, challenge: Challenge, life: timedelta) -> str:
        """The token to answer with. A power cut may forget the question, which harms nobody."""
        token = secrets.token_urlsafe(32)
        now = self._clock.now()

        def insert(connection: Connection) -> None:
            connection.execute("DELETE FROM challenges WHERE expires_at <= ?", (to_millis(now),))
            connection.execute(
                "DELETE FROM challenges WHERE token_hash IN"
                " (SELECT token_hash FROM challenges ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
                (_MOST - 1,),
            )
            connection.execute(
                "INSERT INTO challenges (token_hash, kind, user_id, payload, expires_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    _hash(token),
                    challenge.kind,
                    challenge.user_id,
                    challenge.payload,
                    to_millis(now + life),
                ),
            )

        await self._database.write(insert, durable=False)
        return token

    async def take(self, kind: str, token: str) -> Challenge | None:
        """What the token stands for, once. None: nothing, or it came too late."""
        now = to_millis(self._clock.now())

        def delete(connection: Connection) -> Challenge | None:
            row = connection.execute(
                "DELETE FROM challenges WHERE token_hash = ? AND kind = ? RETURNING *",
                (_hash(token), kind),
            ).fetchone()
            if row is None or row["expires_at"] <= now:
                return None
            return Challenge(row["kind"], row["payload"], row["user_id"])

        return await self._database.write(delete)


def _hash(token: str) -> str:
    # 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
