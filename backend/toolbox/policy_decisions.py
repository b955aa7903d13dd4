"""What people decide about tools away from a turn: on the tools page."""

from collections.abc import Collection, Mapping

from backend.kit.errors import ConflictError, NotFoundError
from backend.toolbox.connection import Connection
from backend.toolbox.context import Choice
from backend.toolbox.naming import ToolKey
from backend.toolbox.policy_memory import Approvals
from backend.toolbox.records import RemoteTool


class Decisions:
    """`servers`: the registry's own, as they come and go. `own_names`: Parlor's own tools."""

    def __init__(
        self,
        approvals: Approvals,
        servers: Mapping[str, Connection],
        own_names: Collection[str],
    ) -> None:
        self._approvals = approvals
        self._servers = servers
        self._own_names = frozenset(own_names)

    async def choose(self, user_id: str, key: ToolKey, choice: Choice | None) -> None:
        """What a person wants of a tool; "" as the server: one of Parlor's own. None: as if
        never asked. Raises NotFoundError."""
        remote = None
        if choice is not None and key[0]:
            remote = self._remote(key)
        elif choice is not None and key[1] not in self._own_names:
            raise _unknown(key)
        await self._approvals.choose(user_id, key, remote, choice)

    async def approve(
        self, server_id: str, seen: Mapping[str, str], *, user_id: str, for_house: bool
    ) -> None:
        """`seen`: tool -> fingerprint of the words that were read. Raises NotFoundError,
        ForbiddenError, ConflictError when they have changed again."""
        tools = [self._remote((server_id, name)) for name in seen]
        for tool in tools:
            if tool.fingerprint != seen[tool.name]:
                raise ConflictError(f"{tool.name} has just changed again: look at it once more.")
        for tool in tools:
            await self._approvals.approve(user_id, server_id, tool, for_house=for_house)

    def _remote(self, key: ToolKey) -> RemoteTool:
        server = self._servers.get(key[0])
        found = server.listing.tool(key[1]) if server else None
        if found is None:
            raise _unknown(key)
        return found


def _unknown(key: ToolKey) -> NotFoundError:
    return NotFoundError(f"There is no tool {key[1][:40]!r}.")
