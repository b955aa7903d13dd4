"""All tool servers: what they have for whom, and what people decide about them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from backend.auth.audit_store import AuditKind
from backend.auth.members import By
from backend.kit.background import Background
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, InvalidInputError, NotFoundError
from backend.kit.outbound import Outbound
from backend.kit.schedule import every
from backend.toolbox.calls import Calls
from backend.toolbox.choices import Choices
from backend.toolbox.connection import Connection
from backend.toolbox.context import Who
from backend.toolbox.oauth_accounts import FOLLOW_SECONDS, Accounts
from backend.toolbox.oauth_grants import Grants
from backend.toolbox.offers import Offers
from backend.toolbox.opening import LateDoors
from backend.toolbox.options import ServersOptions
from backend.toolbox.paging import Pages
from backend.toolbox.policy import PersonGate
from backend.toolbox.policy_decisions import Decisions
from backend.toolbox.policy_memory import Approvals
from backend.toolbox.policy_offer import toolbox_of
from backend.toolbox.records import ServerDefinition
from backend.toolbox.roster import PARLOR, SETTLE_SECONDS, Roster
from backend.toolbox.service import ServerTool, Tool, Toolbox
from backend.toolbox.shelf import Shelf
from backend.toolbox.store import ToolboxStore
from backend.toolbox.traffic import Traffic

DISCOVER_SECONDS = 60.0


class ToolServers:
    """`start` it once the port is open; nothing in it waits for a server."""

    def __init__(  # noqa: PLR0913  # parts that a smaller Parlor leaves out, by name
        self,
        store: ToolboxStore,
        options: ServersOptions,
        clock: Clock,
        *,
        outbound: Outbound | None = None,
        grants: Grants | None = None,
        own_tools: Sequence[Tool] = (),
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Without `outbound` only the operator's servers are reached; without `grants` nobody
        signs in at one."""
        self.choices = Choices(store)
        self.traffic = Traffic(clock)
        self.roster = Roster(
            store,
            options,
            self.choices,
            self.traffic,
            connect=self._connection,
            on_change=self._changed,
        )
        self.connections = self.roster.connections
        self.approvals = Approvals(store)
        self.own_tools = tuple(own_tools)
        own_names = [tool.spec.name for tool in own_tools]
        self.decisions = Decisions(self.approvals, self.connections, own_names)
        self.calls = Calls(clock)
        self.offers = Offers(self._of, self.choices, self.calls)
        self._store = store
        self._options = options
        self._clock = clock
        self.accounts = (
            None
            if grants is None
            else Accounts(grants, self.connections, self._connection, self._changed)
        )
        self._on_change = on_change
        self._pages = Pages()
        self._shelf = Shelf(own_tools, clock, self.choices)
        self._doors = LateDoors(outbound, options.homes, grants)
        self._background = Background()

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read what is known and begin to connect. Raises StorageError."""
        await self.choices.load()
        await self.approvals.load()
        await self.roster.load()
        if self.roster.hosts:
            looking = every(DISCOVER_SECONDS, self.roster.look)
            self._background.start(looking, name="find tool servers")
        if self.accounts is not None:
            following = every(FOLLOW_SECONDS, self.accounts.follow)
            self._background.start(following, name="connect people's accounts")

    async def aclose(self) -> None:
        self.traffic.close()
        await self._background.aclose()
        await self.calls.aclose()
        await asyncio.gather(*(server.aclose() for server in self.connections.values()))
        if self.accounts is not None:
            await self.accounts.aclose()
        await self._doors.aclose()

    # --- for turns ------------------------------------------------------------------------------

    def toolbox_for(self, who: Who) -> Toolbox:
        """What a turn of this person on this surface may use, as it is now."""
        tools = self._shelf.tools(self.connections, who, self._own(who.user_id))
        gate, outages = self.gate_for(who), self.outages(who)
        return toolbox_of(tools, outages, who, gate, self.calls, self._pages)

    def gate_for(self, who: Who) -> PersonGate:
        return PersonGate(self.approvals, who, self._shelf.find_former, self._shelf.is_on)

    def outages(self, who: Who) -> list[Connection]:
        """Servers this person would have tools of, were they there."""
        return [
            server
            for key, server in self._of(who.user_id).items()
            if server.state.name in ("failed", "needs_sign_in") and self.choices.wants(who, key)
        ]

    # --- for people -----------------------------------------------------------------------------

    def server(self, server_id: str) -> Connection:
        """Raises NotFoundError."""
        try:
            return self.connections[server_id]
        except KeyError:
            raise NotFoundError(f"There is no tool server {server_id[:40]!r}.") from None

    async def remove(self, server_id: str, by: By = PARLOR) -> None:
        server = self.server(server_id)
        if server.definition.source == "file":
            raise ConflictError(
                f"{server.definition.name} stands in the operator's file; remove it there, "
                "or switch it off here."
            )
        async with self.roster.changing:
            event = by.event("tool_server_removed", server.definition.name)
            await self._store.remove_server(server_id, event)
            self.connections.pop(server_id, None)
            self.choices.forget(server_id)
            self.approvals.forget(server_id)
            self.traffic.stop(server_id)
            await server.aclose()
            if self.accounts is not None:
                await self.accounts.forget_server(server_id)
            self._changed(server)

    async def switch_server(self, server_id: str, *, enabled: bool, by: By = PARLOR) -> None:
        server = self.server(server_id)
        kind: AuditKind = "tool_server_enabled" if enabled else "tool_server_disabled"
        is_news = self.choices.is_server_on(server.definition) != enabled
        event = by.event(kind, server.definition.name) if is_news else None
        await self.choices.switch(server_id, {"": enabled}, event)
        if enabled:
            server.start()
        else:
            await server.aclose()
        await self._follow()
        self._changed(server)

    async def switch_tools(self, server_id: str, changes: dict[str, bool], by: By = PARLOR) -> None:
        server = self.server(server_id)
        if "" in changes:
            raise InvalidInputError("A tool has a name.")
        news = self.choices.news(server.definition, changes)
        event = by.event("tools_switched", server.definition.name, news) if news else None
        await self.choices.switch(server_id, changes, event)
        self._changed(server)

    async def approve(
        self, server_id: str, seen: Mapping[str, str], *, user_id: str, by: By | None
    ) -> None:
        """`by`: the owner, whose yes counts for the house. Raises as `Decisions.approve` does."""
        await self.decisions.approve(server_id, seen, user_id=user_id, for_house=by is not None)
        server = self.server(server_id)
        if by is not None:
            names = ", ".join(sorted(seen))
            await self._store.tell(by.event("tools_approved", server.definition.name, names))
        self._changed(server)

    async def record(self, server_id: str, *, owner_id: str, by: By, on: bool) -> None:
        """Told before it begins: what other people's turns say there is seen as well."""
        definition = self.server(server_id).definition
        if not on:
            self.traffic.stop(server_id)
            return
        await self._store.tell(by.event("tool_traffic_recorded", definition.name))
        self.traffic.start(definition, owner_id)

    def tools_of(self, server_id: str) -> list[ServerTool]:
        """Also those that are switched off."""
        return self._shelf.all_of(self.connections, server_id)

    async def refresh(self) -> None:
        """Read the file again, try everything that is down, list everything anew."""
        await self.roster.read_again()
        await asyncio.gather(
            *(server.refresh(SETTLE_SECONDS) for server in self.connections.values())
        )
        await self._follow()
        await self.roster.look()

    def connection_of(self, server_id: str, user_id: str) -> Connection:
        """As this person uses it. Raises NotFoundError."""
        return self._own(user_id).get(server_id) or self.server(server_id)

    def reason(self, server_id: str, user_id: str) -> str:
        """Why it is as it is for this person. Raises NotFoundError."""
        why = self.connection_of(server_id, user_id).state.reason
        return why or (self.accounts.reason(user_id, server_id) if self.accounts else "")

    # --- inside ---------------------------------------------------------------------------------

    def _connection(
        self, definition: ServerDefinition, on_change: Callable[[Connection], None] | None = None
    ) -> Connection:
        return Connection(
            definition,
            self._doors.open,
            self._clock,
            on_change or self._changed,
            zone=self._options.zone,
            traffic=self.traffic,
        )

    def _own(self, user_id: str) -> Mapping[str, Connection]:
        return {} if self.accounts is None else self.accounts.of(user_id)

    def _of(self, user_id: str) -> Mapping[str, Connection]:
        """All servers, as this person uses them."""
        return {**self.connections, **self._own(user_id)}

    async def _follow(self) -> None:
        if self.accounts is not None:
            await self.accounts.follow()

    def _changed(self, _server: Connection) -> None:
        self._shelf.reset()
        self._on_change()
