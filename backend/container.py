"""Composition: the only module that knows every part."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from argon2 import PasswordHasher

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.app_clients import fetch_with
from backend.auth.audit import AuditLog
from backend.auth.audit_store import AuditStore
from backend.auth.credential_store import CredentialStore
from backend.auth.device_store import DeviceStore
from backend.auth.devices import Devices
from backend.auth.elsewhere import AccessOptions, Elsewhere, OidcOptions, build_elsewhere
from backend.auth.household import Household
from backend.auth.household_store import HouseholdStore
from backend.auth.oidc_provider import Client
from backend.auth.open_streams import OpenStreams
from backend.auth.programs import Programs, build_programs
from backend.auth.service import AuthService
from backend.auth.store import AuthStore
from backend.auth.tokens import TokenRules
from backend.catalog.service import REFRESH_SECONDS, Catalog
from backend.catalog.store import CatalogStore
from backend.chat.allowance import Allowance
from backend.chat.allowance_store import AllowanceStore
from backend.chat.closing import TurnCloser
from backend.chat.completions import Completions
from backend.chat.live import announce_tools
from backend.chat.own_tools import DEMO_TOOLS, own_tools
from backend.chat.preparing import Offer, TurnPreparer
from backend.chat.runner import TurnRunner
from backend.chat.search_store import ChatSearch
from backend.chat.service import ChatService
from backend.chat.spending_store import SpendingStore
from backend.chat.store import ConversationStore, delete_conversations
from backend.chat.tally import Tally
from backend.chat.turn import TurnLimits
from backend.chat.turn_store import TurnStore
from backend.db.database import Database, open_database
from backend.kit.addresses import Openings
from backend.kit.background import Background
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
from backend.memory.tools import told_at_once
from backend.providers.shipped import (
    CompatibleOptions,
    OpenRouterOptions,
    Providers,
    build_providers,
)
from backend.settings import Settings
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
        background = Background()
        stack.push_async_callback(background.aclose)
        hub = Hub()
        keyring = Keyring(state, clock)
        streams = OpenStreams(
            CredentialStore(database, clock), per_person=settings.edge.streams_per_person
        )
        accounts = build_accounts(
            Outside(database, keyring, state, clock),
            _token_rules(settings),
            hasher=hasher,
            on_ending=streams.something_ended,
        )
        audit = AuditStore(database, clock)
        outbound = outbound_from(settings)
        stack.push_async_callback(outbound.aclose)
        catalog = Catalog(
            providers,
            CatalogStore(database),
            clock,
            default_model=settings.openrouter.default_model,
        )
        conversations = ConversationStore(database, clock)
        turn_store = TurnStore(database, clock)
        memories = Memories(MemoryStore(database, clock), hub, clock)
        vault = Vault(VaultStore(database, clock), Sealer(keyring))
        tool_sign_in = build_tool_sign_in(database, clock, vault, outbound)
        tool_servers = ToolServers(
            ToolboxStore(database, clock),
            await asyncio.to_thread(servers_options, settings),
            clock,
            outbound=outbound,
            grants=tool_sign_in.grants,
            own_tools=own_tools(memories, ChatSearch(database), with_demo=settings.chat.demo_tools),
            on_change=Coalesced(_TOOL_NEWS_SECONDS, lambda: announce_tools(hub)),
        )
        stack.push_async_callback(tool_servers.aclose)
        tally = Tally()
        closer = TurnCloser(
            tally=tally,
            store=turn_store,
            conversations=conversations,
            catalog=catalog,
            hub=hub,
            background=background,
        )
        preparer = TurnPreparer(
            catalog=catalog,
            offer=Offer(
                (lambda _: toolbox) if toolbox else tool_servers.toolbox_for,
                Toolbox(DEMO_TOOLS),
                told_at_once(memories, tool_servers.gate_for),
                settings.chat.tool_share,
            ),
            limits=TurnLimits(
                settings.chat.step_limit, settings.chat.tool_error_limit, settings.chat.cost_limit
            ),
            ask_seconds=settings.chat.ask_seconds,
            hub=hub,
            clock=clock,
        )
        turns = TurnRunner(
            store=turn_store,
            conversations=conversations,
            closer=closer,
            preparer=preparer,
            journal_days=settings.chat.journal_days,
            hub=hub,
            background=background,
            clock=clock,
        )
        allowance = Allowance(
            AllowanceStore(database),
            audit,
            catalog,
            running_costs=turns.running_costs,
            zone=await asyncio.to_thread(lambda: settings.server.zone),
            clock=clock,
        )
        completions = Completions(
            tally=tally,
            catalog=catalog,
            allowance=allowance,
            spending=SpendingStore(database, clock),
            background=background,
            clock=clock,
        )
        mcp_endpoint = McpEndpoint(tool_servers, completions, clock)
        stack.push_async_callback(mcp_endpoint.aclose)
        services = Services(
            settings=settings,
            clock=clock,
            hub=hub,
            auth=accounts.auth,
            accounts=accounts,
            elsewhere=_elsewhere(settings, database, clock, accounts.auth, outbound),
            household=Household(
                HouseholdStore(database, clock),
                AuthStore(database, clock),
                accounts.passwords,
                detach=delete_conversations,
                on_ending=accounts.auth.forget,
            ),
            devices=Devices(
                DeviceStore(database, clock),
                audit,
                streams,
                hub=hub,
                clock=clock,
                on_ending=accounts.auth.forget,
            ),
            programs=build_programs(
                database, clock, fetch_with(outbound), on_ending=accounts.auth.forget
            ),
            audit=AuditLog(audit),
            streams=streams,
            allowance=allowance,
            vault=vault,
            outbound=outbound,
            memories=memories,
            tool_servers=tool_servers,
            tool_sign_in=tool_sign_in,
            catalog=catalog,
            chat=ChatService(
                conversations=conversations,
                turns=turn_store,
                runner=turns,
                catalog=catalog,
                allowance=allowance,
                hub=hub,
                clock=clock,
                system_prompt=settings.openrouter.system_prompt,
            ),
            turns=turns,
            tally=tally,
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
        yield build_accounts(outside, _token_rules(settings)).auth


def _token_rules(settings: Settings) -> TokenRules:
    auth = settings.auth
    return TokenRules(auth.access_life, auth.refresh_life, auth.jwt_issuer, auth.jwt_audience)


def outbound_from(settings: Settings) -> Outbound:
    openings = Openings.of(settings.edge.lan_allow)
    if settings.oidc.issuer:  # the operator named it; it may well live in the house
        openings = openings.with_url(settings.oidc.issuer)
    return Outbound(openings)


def _elsewhere(
    settings: Settings,
    database: Database,
    clock: Clock,
    accounts: AuthService,
    outbound: Outbound,
) -> Elsewhere:
    oidc, access = settings.oidc, settings.access
    provider = team = None
    if oidc.issuer:
        secret = oidc.client_secret.get_secret_value() if oidc.client_secret else ""
        client = Client(oidc.issuer, oidc.client_id, secret)
        provider = OidcOptions(client, oidc.name, oidc.new_people)
    if access.team:
        team = AccessOptions(access.team, access.audience)
    return build_elsewhere(database, clock, accounts, outbound, oidc=provider, access=team)


def providers_from(settings: Settings) -> Providers:
    """What the operator configured; the demo when that is nothing."""
    router, local = settings.openrouter, settings.local
    servers = [
        CompatibleOptions(
            name, str(server.base_url), server.api_key.get_secret_value() if server.api_key else ""
        )
        for name, server in settings.providers.providers.items()
    ]
    if local.url:
        key = local.api_key.get_secret_value() if local.api_key else ""
        servers.insert(0, CompatibleOptions("local", local.url, key, local.timeout_seconds))
    options = None
    if router.api_key:
        options = OpenRouterOptions(
            api_key=router.api_key.get_secret_value(),
            base_url=str(router.base_url),
            app_url="" if router.attribution else None,
            silence=router.timeout,
        )
    return build_providers(openrouter=options, compatible=servers)


async def _start_duties(services: Services, leader: Leader) -> None:
    turns, hub = services.turns, services.hub

    def tick() -> None:
        turns.tick()
        hub.tick()

    async def lead() -> None:
        await turns.recover()
        services.background.start(every(_PRUNE_SECONDS, turns.prune), name="prune journals")
        services.background.start(every(_PRUNE_SECONDS, services.audit.prune), name="prune audit")
        services.background.start(
            every(_PRUNE_SECONDS, services.programs.apps.prune), name="prune apps"
        )

    async def connect_tools() -> None:
        await pause(_TOOLS_AFTER_SECONDS)
        await services.tool_servers.start()

    background = services.background
    background.start(connect_tools(), name="connect tool servers")
    background.start(turns.writer.run(), name="journal writer")
    background.start(beat(tick), name="heartbeat")
    background.start(every(0, services.streams.check_next), name="check streams")
    background.start(every(REFRESH_SECONDS, services.catalog.refresh), name="refresh models")
    if leader.try_lead():
        # With a full disk no turn can be closed; the rest of Parlor is there all the same.
        recovering = background.start(lead(), name="recover turns")
        await asyncio.wait([recovering], timeout=_RECOVERY_SECONDS)
    else:  # the process before this one is still ending its turns
        background.start(leader.lead(lead), name="wait for the lead")
