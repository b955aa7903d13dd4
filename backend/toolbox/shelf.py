"""What is on offer: the tools of all connected servers under names that models can use."""

from collections.abc import Iterable, Mapping, Sequence

from backend.kit.clock import Clock
from backend.messages import ToolSpec
from backend.toolbox.choices import Choices
from backend.toolbox.connection import Connection
from backend.toolbox.context import Who
from backend.toolbox.disclosure import RESERVED, definition_size
from backend.toolbox.naming import offered_names
from backend.toolbox.records import RemoteTool
from backend.toolbox.service import AnyTool, ServerTool, Tool

_REMEMBERED_SECONDS = 60
"""A server that went away a moment ago is probably starting again: its tools stay on offer."""


_MOST_FORMER = 1000
"""Names of tools that are gone: a server may make up new ones with each list."""


class Shelf:
    """Rebuilt when a server changes, not for each turn."""

    def __init__(
        self,
        own: Sequence[Tool],
        clock: Clock,
        choices: Choices,
    ) -> None:
        self._own = own
        self._clock = clock
        self._choices = choices
        self._named: dict[str, ServerTool] | None = None
        self._former: dict[str, ServerTool] = {}

    def reset(self) -> None:
        self._named = None

    def tools(
        self, servers: Mapping[str, Connection], who: Who, own: Mapping[str, Connection]
    ) -> list[AnyTool]:
        """Those on offer to somebody now. `own`: servers that they use in their own name."""
        offered: list[AnyTool] = list(self._own)
        for shared in self._all(servers).values():
            definition = shared.server.definition
            tool = _in_own_name(shared, own.get(definition.id))
            if (
                self._is_there(tool.server)
                and self.is_on(tool)
                and self._choices.wants(who, definition.id)
            ):
                offered.append(tool)
        return offered

    def is_on(self, tool: ServerTool) -> bool:
        return self._choices.is_tool_on(tool.server.definition, tool.remote.name)

    def find_former(self, name: str) -> ServerTool | None:
        """A tool that had this name at some time since the start."""
        return self._former.get(name)

    def all_of(self, servers: Mapping[str, Connection], server_id: str) -> list[ServerTool]:
        """Of one server, whether they are on or not."""
        found = self._all(servers).values()
        return [tool for tool in found if tool.server.definition.id == server_id]

    def _is_there(self, server: Connection) -> bool:
        gone = self._clock.monotonic() - server.lost_at
        if not server.is_on or server.state.name == "needs_sign_in":
            return False
        return server.session is not None or gone < _REMEMBERED_SECONDS

    def _all(self, servers: Mapping[str, Connection]) -> dict[str, ServerTool]:
        """Also of servers that are away: a name must not change because another one is down."""
        if self._named is None:
            found = {
                (server.definition.id, tool.name): (server, tool)
                for server in servers.values()
                for tool in server.listing.tools
            }
            names = offered_names(
                list(found),
                taken=RESERVED | {tool.spec.name for tool in self._own},
                prefixes=_prefixes(servers.values()),
            )
            self._named = {
                names[key]: _named(names[key], server, tool)
                for key, (server, tool) in found.items()
            }
            self._former |= self._named
            if len(self._former) > len(self._named) + _MOST_FORMER:
                self._former = dict(self._named)
        return self._named


def _in_own_name(tool: ServerTool, server: Connection | None) -> ServerTool:
    """The same tool as this person's account there has it."""
    if server is None:
        return tool
    remote = server.listing.tool(tool.remote.name)
    if remote is None:
        return tool
    return ServerTool(_spec(tool.spec.name, remote), server, remote, tool.size)


def _named(name: str, server: Connection, remote: RemoteTool) -> ServerTool:
    spec = _spec(name, remote)
    return ServerTool(spec, server, remote, definition_size(spec))


def _prefixes(servers: Iterable[Connection]) -> dict[str, str]:
    return {
        server.definition.id: server.definition.tool_prefix
        for server in servers
        if server.definition.tool_prefix
    }


def _spec(name: str, tool: RemoteTool) -> ToolSpec:
    schema = tool.input_schema
    if schema.get("type") != "object":  # what providers insist on
        schema = {"properties": {}} | schema | {"type": "object"}
    return ToolSpec(name, tool.description or tool.title or tool.name, schema)
