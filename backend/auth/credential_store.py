"""Which of the credentials that opened something still let anybody in."""

import json
from collections.abc import Collection

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis

_STILL_GOOD = """
    WITH asked (id) AS (SELECT value FROM json_each(?1))
    SELECT s.id FROM asked JOIN sessions s ON s.id = asked.id JOIN users u ON u.id = s.user_id
    WHERE s.expires_at > ?2 AND u.disabled_at IS NULL
    UNION ALL
    SELECT k.id FROM asked JOIN api_keys k ON k.id = asked.id JOIN users u ON u.id = k.user_id
    WHERE coalesce(k.expires_at, ?2 + 1) > ?2 AND u.disabled_at IS NULL
    UNION ALL
    SELECT g.id FROM asked JOIN app_grants g ON g.id = asked.id JOIN users u ON u.id = g.user_id
    WHERE g.expires_at > ?2 AND u.disabled_at IS NULL
    UNION ALL
    SELECT d.id FROM asked JOIN devices d ON d.id = asked.id WHERE d.token_hash IS NOT NULL
"""


class CredentialStore:
    """Ids of sessions, keys, apps and devices differ by their prefix, so one question serves all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def still_good(self, credential_ids: Collection[str]) -> set[str]:
        asked, now = json.dumps(sorted(credential_ids)), to_millis(self._clock.now())

        def select(connection: Connection) -> set[str]:
            return {row[0] for row in connection.execute(_STILL_GOOD, (asked, now))}

        return await self._database.read(select)
