"""Composition: the only module that knows every part."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from argon2 import PasswordHasher

from backend.attachments.service import Attachments
from backend.attachments.store import FileStore
from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.audit import AuditLog
from backend.auth.devices import Devices
from backend.auth.elsewhere import Elsewhere
from backend.auth.household import Household
from backend.auth.open_streams import OpenStreams
from backend.auth.parts import build_auth, token_rules
from backend.auth.programs import Programs
from backend.auth.service import AuthService
from backend.catalog.service import Catalog
from backend.catalog.store import CatalogStore
from backend.chat.allowance import Allowance
from backend.chat.live import announce_tools
from backend.chat.own_tools import own_tools
from backend.chat.parts import build_chat
from backend.chat.runner import TurnRunner
from backend.chat.search_store import ChatSearch
from backend.chat.service import ChatService
from backend.chat.store import delete_conversations
from backend.chat.tally import Tally
from backend.db.database import Database, open_database
from backend.foundation import Foundation
from backend.kit.addresses import Openings
from backend.kit.background import Background
from backend.kit.claims import Claims
from backend.kit.clock import Clock, SystemClock
from backend.kit.hub import Hub
from backend.kit.keyring import Keyring
from backend.kit.leader import Leader
from backend.kit.outbound import Outbound
from backend.kit.schedule import Coalesced, every, pause
from backend.kit.seal import Sealer
from backend.kit.sse import beat
from backend.mcp_endpoint.service import McpEndpoint
from backend.memory.service import Memories
from backend.memory.store import MemoryStore
from backend.providers.configured import providers_from
from backend.providers.shipped import Providers
from backend.settings import Settings
from backend.toolbox import opening
from backend.toolbox.oauth_sign_in import ToolSignIn, build_tool_sign_in
from backend.toolbox.options import servers_options
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import Toolbox
from backend.toolbox.store import ToolboxStore
from backend.vault.service import Vault
from backend.vault.store import VaultStore

DATABASE_NAME = "parlor.db"
_PRUNE_SECONDS = 3600
_RECOVERY_SECONDS = 5
_OTHERS_SECONDS = 2
_TOOL_NEWS_SECONDS = 0.2
_TOOLS_AFTER_SECONDS = 0.5
"""The port is open by then: what loads for tool servers shall not hold up the start."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Services:
    """What the edge may call."""

    settings: Settings
    clock: Clock
    hub: Hub
    auth: AuthService
    accounts: Accounts
    elsewhere: Elsewhere
    household: Household
    devices: Devices
    programs: Programs
    audit: AuditLog
    streams: OpenStreams
    allowance: Allowance
    vault: Vault
    outbound: Outbound
    memories: Memories
    attachments: Attachments
    tool_servers: ToolServers
    tool_sign_in: ToolSignIn
    catalog: Catalog
    chat: ChatService
    turns: TurnRunner
    tally: Tally
    mcp_endpoint: McpEndpoint
    background: Background
    database: Database

    async def shut_down(self, seconds: float) -> None:
        """Say goodbye to screens, let answers end for a while, then end them as interrupted."""
        self.hub.close()
        await asyncio.gather(self.turns.drain(seconds), self.mcp_endpoint.drain(seconds))


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    providers: Providers | None = None,
    clock: Clock | None = None,
    hasher: PasswordHasher | None = None,
    toolbox: Toolbox | None = None,
) -> AsyncGenerator[Services]:
    """Build everything, bottom up, and take it down in reverse.

    Raises MigrationError and OSError; a provider that is down never keeps Parlor from starting.
    """
    clock = clock or SystemClock()
    for name in settings.unknown_names:
        _log.warning("setting_unknown", name=name)
    async with AsyncExitStack() as stack:
        state = settings.server.state_dir
        database = await stack.enter_async_context(open_database(state / DATABASE_NAME))
        if providers is None:
            providers = await stack.enter_async_context(providers_from(settings))
        leader = Leader(state / "leader.lock")
        stack.callback(leader.close)
        claims = Claims(state / "turns.lock")
        stack.callback(claims.close)
        background = Background()
        stack.push_async_callback(background.aclose)
        outbound = outbound_from(settings)
        stack.push_async_callback(outbound.aclose)
        foundation = Foundation(
            settings=settings,
            zone=await asyncio.to_thread(lambda: settings.server.zone),
            clock=clock,
            database=database,
            keyring=Keyring(state, clock),
            hub=Hub(),
            background=background,
            outbound=outbound,
        )
        auth = build_auth(foundation, detach=delete_conversations, hasher=hasher)
        catalog = Catalog(
            providers,
            CatalogStore(database),
            clock,
            default_model=settings.openrouter.default_model,
        )
        memories = Memories(MemoryStore(database, clock), foundation.hub, clock)
        vault = Vault(VaultStore(database, clock), Sealer(foundation.keyring))
        tool_sign_in = build_tool_sign_in(database, clock, vault, outbound)
        tool_servers = ToolServers(
            ToolboxStore(database, clock),
            await asyncio.to_thread(servers_options, settings),
            clock,
            outbound=outbound,
            grants=tool_sign_in.grants,
            own_tools=own_tools(memories, ChatSearch(database), with_demo=settings.chat.demo_tools),
            on_change=Coalesced(_TOOL_NEWS_SECONDS, lambda: announce_tools(foundation.hub)),
        )
        stack.push_async_callback(tool_servers.aclose)
        attachments = Attachments(
            FileStore(database, clock), state / "files", background=background, clock=clock
        )
        chat = build_chat(
            foundation,
            catalog,
            auth.audit,
            memories,
            tool_servers,
            attachments,
            claims=claims,
            toolbox=toolbox,
        )
        mcp_endpoint = McpEndpoint(tool_servers, chat.completions, clock)
        stack.push_async_callback(mcp_endpoint.aclose)
        services = Services(
            settings=settings,
            clock=clock,
            hub=foundation.hub,
            auth=auth.accounts.auth,
            accounts=auth.accounts,
            elsewhere=auth.elsewhere,
            household=auth.household,
            devices=auth.devices,
            programs=auth.programs,
            audit=AuditLog(auth.audit),
            streams=auth.streams,
            allowance=chat.allowance,
            vault=vault,
            outbound=outbound,
            memories=memories,
            attachments=attachments,
            tool_servers=tool_servers,
            tool_sign_in=tool_sign_in,
            catalog=catalog,
            chat=chat.service,
            turns=chat.turns,
            tally=chat.tally,
            mcp_endpoint=mcp_endpoint,
            background=background,
            database=database,
        )
        stack.push_async_callback(services.shut_down, 0)
        await catalog.load()
        await _start_duties(services, leader)
        yield services


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncGenerator[AuthService]:
    """Accounts alone, for commands on the host. Raises what `open_services` raises."""
    clock, state = SystemClock(), settings.server.state_dir
    async with open_database(state / DATABASE_NAME) as database:
        outside = Outside(database, Keyring(state, clock), state, clock)
        yield build_accounts(outside, token_rules(settings.auth)).auth


def outbound_from(settings: Settings) -> Outbound:
    openings = Openings.of(settings.edge.lan_allow)
    if settings.oidc.issuer:  # the operator named it; it may well live in the house
        openings = openings.with_url(settings.oidc.issuer)
    return Outbound(openings)


async def _start_duties(services: Services, leader: Leader) -> None:
    """What goes on as long as Parlor does; what only one process may do, in the one that leads."""
    turns, hub, background = services.turns, services.hub, services.background

    def tick() -> None:
        turns.tick()
        hub.tick()

    async def connect_tools() -> None:
        if not opening.is_loaded():
            await pause(_TOOLS_AFTER_SECONDS)
        await services.tool_servers.start()

    async def lead() -> None:
        await turns.recover()
        for name, prune in hourly.items():
            background.start(every(_PRUNE_SECONDS, prune), name=name)
        background.start(recover_others(), name="recover turns of others")

    async def recover_others() -> None:
        """Who is still at work beside the leader may yet die."""
        while await turns.recover():
            await pause(_OTHERS_SECONDS)

    always = {
        "connect tool servers": connect_tools(),
        "journal writer": turns.writer.run(),
        "heartbeat": beat(tick),
        "check streams": every(0, services.streams.check_next),
        "refresh models": every(services.catalog.rest, services.catalog.refresh),
    }
    hourly = {
        "prune journals": turns.prune,
        "sweep files": services.attachments.sweep,
        "prune audit": services.audit.prune,
        "prune apps": services.programs.apps.prune,
    }
    for name, work in always.items():
        background.start(work, name=name)
    if leader.try_lead():
        # With a full disk no turn can be closed; the rest of Parlor is there all the same.
        recovering = background.start(lead(), name="recover turns")
        await asyncio.wait([recovering], timeout=_RECOVERY_SECONDS)
    else:  # the process before this one is still ending its turns
        background.start(leader.lead(lead), name="wait for the lead")
