"""What the owner may read about accounts, devices and keys."""

from backend.auth.audit_store import AuditStore, RecordedEvent
from backend.kit.errors import InvalidInputError

_LARGEST = 2**63 - 1


class AuditLog:
    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def page(
        self, *, cursor: str | None, limit: int
    ) -> tuple[list[RecordedEvent], str | None]:
        """Newest first, and the cursor of the next page. Raises InvalidInputError."""
        found = await self._store.page(before=_number(cursor), limit=limit + 1)
        more = len(found) > limit
        return found[:limit], str(found[limit - 1].number) if more else None

    async def prune(self) -> None:
        """Events are kept for 400 days."""
        await self._store.prune()


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and int(cursor) <= _LARGEST):
        raise InvalidInputError("The cursor is not one that this server gave out.")
    return int(cursor)
