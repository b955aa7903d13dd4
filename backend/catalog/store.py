"""Model lists as they were last fetched, so that a start needs no provider."""

from contextlib import suppress
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from backend.db.database import Connection, Database
from backend.kit.clock import from_millis, to_millis
from backend.messages import ModelInfo

_MODELS: TypeAdapter[list[ModelInfo]] = TypeAdapter(list[ModelInfo])


class CatalogStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> dict[str, tuple[list[ModelInfo], datetime]]:
        """Provider id -> (models, when they were fetched)."""
        rows = await self._database.read(
            lambda c: c.execute("SELECT provider, models, fetched_at FROM model_lists").fetchall()
        )
        found = {}
        for provider, models, fetched_at in rows:
            with suppress(ValidationError):  # another release's: it is fetched anew in a moment
                found[provider] = (_MODELS.validate_json(models), from_millis(fetched_at))
        return found

    async def save(self, provider: str, models: list[ModelInfo], fetched_at: datetime) -> None:
        text = _MODELS.dump_json(models).decode()

        def replace(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO model_lists (provider, models, fetched_at)"
                " VALUES (?, ?, ?)",
                (provider, text, to_millis(fetched_at)),
            )

        await self._database.write(replace)
