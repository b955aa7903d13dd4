"""What people chose: servers and tools that are off for everybody, servers wanted on a surface."""

from collections.abc import Mapping, Sequence

from backend.auth.audit_store import AuditEvent
from backend.toolbox.context import Who
from backend.toolbox.records import ServerDefinition
from backend.toolbox.store import ToolboxStore

_MOST = 100


class Choices:
    """Held in memory, written through. Methods that write raise StorageError."""

    def __init__(self, store: ToolboxStore) -> None:
        self._store = store
        self._switches: dict[tuple[str, str], bool] = {}
        self._preferences: dict[tuple[str, str], tuple[str, ...]] = {}

    async def load(self) -> None:
        self._switches = await self._store.switches()
        self._preferences = await self._store.preferences()

    def is_server_on(self, definition: ServerDefinition) -> bool:
        """What was switched here counts more than what the file says."""
        return self._switches.get((definition.id, ""), definition.enabled)

    def is_tool_on(self, definition: ServerDefinition, tool: str) -> bool:
        decided = self._switches.get((definition.id, tool))
        return tool not in definition.disabled_tools if decided is None else decided

    async def switch(
        self, server_id: str, changes: Mapping[str, bool], event: AuditEvent | None = None
    ) -> None:
        """Tool name -> on or off; "" is the server itself."""
        await self._store.switch(server_id, dict(changes), event)
        self._switches |= {(server_id, tool): enabled for tool, enabled in changes.items()}

    def news(self, definition: ServerDefinition, changes: Mapping[str, bool]) -> str:
        """What these would change, in words; "" for nothing."""
        new = [name for name, on in changes.items() if self.is_tool_on(definition, name) != on]
        on = ", ".join(sorted(name for name in new if changes[name]))
        off = ", ".join(sorted(name for name in new if not changes[name]))
        return "; ".join(words for words in (off and f"off: {off}", on and f"on: {on}") if words)

    def forget(self, server_id: str) -> None:
        for key in [key for key in self._switches if key[0] == server_id]:
            del self._switches[key]

    def preference(self, user_id: str, client: str) -> tuple[str, ...] | None:
        """The servers a person wants on a surface; None: all."""
        return self._preferences.get((user_id, client))

    async def prefer(self, user_id: str, client: str, servers: Sequence[str] | None) -> None:
        wanted = None if servers is None else tuple(dict.fromkeys(servers))[:_MOST]
        await self._store.prefer(user_id, client, wanted)
        if wanted is None:
            self._preferences.pop((user_id, client), None)
        else:
            self._preferences[user_id, client] = wanted

    def wants(self, who: Who, server_id: str) -> bool:
        wanted = self.preference(who.user_id, who.client)
        return wanted is None or server_id in wanted
