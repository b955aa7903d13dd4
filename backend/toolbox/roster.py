"""Which tool servers there are: those of the operator's file, those people added, those found."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import structlog

from backend.auth.members import By
from backend.kit.errors import ConflictError, InvalidInputError, UnavailableError
from backend.toolbox.choices import Choices
from backend.toolbox.connection import Connection
from backend.toolbox.definitions import Definitions, read_definitions, web_address
from backend.toolbox.discovery import open_places, url_of
from backend.toolbox.newcomers import id_for, server_at
from backend.toolbox.options import ServersOptions
from backend.toolbox.records import Address, ServerDefinition
from backend.toolbox.store import StoredServer, ToolboxStore
from backend.toolbox.traffic import Traffic

PARLOR = By("", "")
"""Who does what Parlor does by itself."""
SETTLE_SECONDS = 12.0
_MOST_SERVERS = 100

_log = structlog.get_logger()

type Connect = Callable[[ServerDefinition], Connection]


class Roster:
    """`on_change` hears of servers that came. Hold `changing` to let one go."""

    def __init__(
        self,
        store: ToolboxStore,
        options: ServersOptions,
        choices: Choices,
        traffic: Traffic,
        *,
        connect: Connect,
        on_change: Callable[[Connection], None],
    ) -> None:
        self.definitions = Definitions()
        self.connections: dict[str, Connection] = {}
        self.changing = asyncio.Lock()
        self._store = store
        self._options = options
        self._choices = choices
        self._traffic = traffic
        self._connect = connect
        self._on_change = on_change

    async def load(self) -> None:
        """The file and what is stored; begins to connect. Raises StorageError."""
        stored = await self._store.servers()
        await self._read_file()
        for server in stored:
            self._take(
                ServerDefinition(server.id, server.source, Address(server.url), title=server.title)
            )

    async def read_again(self) -> None:
        async with self.changing:
            await self._read_file()

    async def add(self, url: str, *, added_by: str, title: str = "", by: By = PARLOR) -> Connection:
        """A server at a URL; it is kept when it answers. Raises InvalidInputError,
        UnavailableError with the reason, ConflictError."""
        try:
            address = web_address(url.strip())
        except ValueError as error:
            raise InvalidInputError(f"The address {error}.") from None
        async with self.changing:
            if (known := server_at(self.connections, address)) is not None:
                await known.refresh(SETTLE_SECONDS)
                return known
            if len(self.connections) >= _MOST_SERVERS:
                raise ConflictError("There are too many tool servers already.")
            return await self._admit(address, "person", added_by, title, by)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where to look for servers."""
        return (*self._options.hosts, *self.definitions.discovery_hosts)

    async def look(self) -> None:
        if self.hosts:
            ports = self._options.ports or self.definitions.discovery_ports
            await self.discover(self.hosts, ports)

    async def discover(self, hosts: Sequence[str], ports: Sequence[int], by: By = PARLOR) -> None:
        """The operator alone may name hosts: what is found is believed like their own file."""
        async with self.changing:
            for host, port in await open_places(hosts, ports):
                url = url_of(host, port)
                if (
                    server_at(self.connections, url) is None
                    and len(self.connections) < _MOST_SERVERS
                ):
                    try:
                        await self._admit(url, "discovery", None, "", by)
                    except UnavailableError as error:  # something else listens there
                        _log.debug("no_tool_server", port=port, reason=error.detail)

    # --- inside ---------------------------------------------------------------------------------

    async def _read_file(self) -> None:
        options = self._options
        found = await asyncio.to_thread(
            read_definitions, options.definitions, options.program, options.program_env
        )
        for problem in found.problems:
            _log.warning(
                "tool_server_definition", file=options.definitions.name, problem=str(problem)
            )
        self.definitions = found
        wanted = {definition.id: definition for definition in found.servers}
        for key, server in list(self.connections.items()):
            is_ours = server.definition.source == "file"
            if (is_ours and wanted.get(key) != server.definition) or (
                not is_ours and key in wanted
            ):
                del self.connections[key]
                self._traffic.stop(key)  # it knows the old entry's secrets
                await server.aclose()
        for definition in wanted.values():
            if definition.id not in self.connections:
                self._take(definition)

    def _take(self, definition: ServerDefinition) -> None:
        if definition.id in self.connections:
            return
        server = self._connect(definition)
        self.connections[definition.id] = server
        if self._choices.is_server_on(definition):
            server.start()
        self._on_change(server)

    async def _admit(
        self,
        url: str,
        source: Literal["person", "discovery"],
        added_by: str | None,
        title: str,
        by: By,
    ) -> Connection:
        """Connect first, for its name; keep it when it answered."""
        server = self._connect(ServerDefinition("new", source, Address(url), title=title))
        server.start()
        await server.settlement(SETTLE_SECONDS)
        if server.session is None and server.state.name != "needs_sign_in":
            reason = server.state.reason or "no answer"
            await server.aclose()
            raise UnavailableError(f"This is no tool server, or it is not there ({reason}).")
        server_id = id_for(server.identity.name, url, self.connections)
        server.definition = replace(
            server.definition, id=server_id, title=title or server.identity.title
        )
        stored = StoredServer(server_id, url, server.definition.title, source)
        try:
            event = by.event("tool_server_added", server.definition.name, url.partition("?")[0])
            await self._store.add_server(stored, added_by, event)
        except BaseException:
            await server.aclose()
            raise
        self.connections[server_id] = server
        self._on_change(server)
        return server
