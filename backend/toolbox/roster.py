"""Which tool servers there are: those of the operator's file, those people added, those found."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
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

type NewSource = Literal["person", "discovery"]
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
        if (known := server_at(self.connections, address)) is not None:
            await known.refresh(SETTLE_SECONDS)
            return known
        if self._is_full:
            raise ConflictError("There are too many tool servers already.")
        async with self._met([address], "person", title) as (server,):
            if not _answered(server):
                reason = server.state.reason or "no answer"
                raise UnavailableError(f"This is no tool server, or it is not there ({reason}).")
            return await self._admit(server, added_by, by)

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
        urls = [url_of(*place) for place in await open_places(hosts, ports)]
        new = [url for url in urls if server_at(self.connections, url) is None]
        async with self._met(new, "discovery") as servers:
            for server in servers:
                if not _answered(server):  # something else listens there
                    _log.debug("no_tool_server", reason=server.state.reason)
                elif not self._is_full:
                    await self._admit(server, None, by)

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

    @property
    def _is_full(self) -> bool:
        return len(self.connections) >= _MOST_SERVERS

    @asynccontextmanager
    async def _met(
        self, urls: Sequence[str], source: NewSource, title: str = ""
    ) -> AsyncGenerator[list[Connection]]:
        """Connect to all of them, for their names; those that are not kept are left again. Nothing
        waits meanwhile: what is no tool server may take its time to say so."""
        servers = [
            self._connect(ServerDefinition("new", source, Address(url), title=title))
            for url in urls
        ]
        try:
            for server in servers:
                server.start()
            await asyncio.gather(*(server.settlement(SETTLE_SECONDS) for server in servers))
            yield servers
        finally:
            kept = self.connections.values()
            await asyncio.gather(*(server.aclose() for server in servers if server not in kept))

    async def _admit(self, server: Connection, added_by: str | None, by: By) -> Connection:
        """Keep it; the one that is there already, when somebody was quicker."""
        definition = server.definition
        assert isinstance(definition.where, Address)  # noqa: S101  # as it was met
        url = definition.where.url
        async with self.changing:
            if (known := server_at(self.connections, url)) is not None:
                return known
            # What was decided about a server that left the file is not for another one.
            taken = {*self.connections, *await self._store.decided()}
            server_id = id_for(server.identity.name, url, taken)
            title = definition.title or server.identity.title
            server.definition = replace(definition, id=server_id, title=title)
            source: NewSource = "person" if definition.source == "person" else "discovery"
            stored = StoredServer(server_id, url, title, source)
            event = by.event("tool_server_added", server.definition.name, url.partition("?")[0])
            await self._store.add_server(stored, added_by, event)
            self.connections[server_id] = server
        self._on_change(server)
        return server


def _answered(server: Connection) -> bool:
    return server.session is not None or server.state.name == "needs_sign_in"
