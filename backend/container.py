"""Composition: the only module that knows every part."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from argon2 import PasswordHasher

from backend.auth.passwords import Passwords
from backend.auth.service import AuthService
from backend.auth.setup_code import SetupCode
from backend.auth.store import AuthStore
from backend.catalog.service import REFRESH_SECONDS, Catalog
from backend.catalog.store import CatalogStore
from backend.chat.closing import TurnCloser
from backend.chat.runner import TurnRunner
from backend.chat.service import ChatService
from backend.chat.store import ConversationStore
from backend.chat.turn import TurnLimits
from backend.chat.turn_store import TurnStore
from backend.db.database import Database, StorageError, open_database
from backend.kit.background import Background
from backend.kit.clock import Clock, SystemClock
from backend.kit.hub import Hub
from backend.kit.leader import Leader
from backend.kit.schedule import every
from backend.kit.sse import beat
from backend.providers.demo_tools import DEMO_TOOLS
from backend.providers.shipped import (
    CompatibleOptions,
    OpenRouterOptions,
    Providers,
    build_providers,
)
from backend.settings import Settings
from backend.toolbox.service import Tool, Toolbox

DATABASE_NAME = "parlor.db"
_PRUNE_SECONDS = 3600
_RECOVERY_SECONDS = 5

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Services:
    """What the edge may call."""

    settings: Settings
    clock: Clock
    hub: Hub
    auth: AuthService
    catalog: Catalog
    chat: ChatService
    turns: TurnRunner
    background: Background
    database: Database

    async def readiness(self) -> dict[str, str]:
        """Part -> what is wrong with it, "" when nothing is."""
        try:
            await self.database.read(lambda c: c.execute("SELECT 1").fetchone())
            findings = {"database": ""}
        except StorageError as error:
            findings = {"database": error.detail}
        return findings | self.catalog.failures

    async def shut_down(self, seconds: float) -> None:
        """Say goodbye to screens, let answers end for a while, then end them as interrupted."""
        self.hub.close()
        await self.turns.drain(seconds)


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
        catalog = Catalog(
            providers,
            CatalogStore(database),
            clock,
            default_model=settings.openrouter.default_model,
        )
        conversations = ConversationStore(database, clock)
        turn_store = TurnStore(database, clock)
        demo_toolbox = Toolbox([Tool(demo.spec, demo.run) for demo in DEMO_TOOLS])
        closer = TurnCloser(
            store=turn_store,
            conversations=conversations,
            catalog=catalog,
            hub=hub,
            background=background,
        )
        turns = TurnRunner(
            store=turn_store,
            conversations=conversations,
            closer=closer,
            catalog=catalog,
            toolbox=toolbox or (demo_toolbox if settings.chat.demo_tools else Toolbox()),
            demo_toolbox=demo_toolbox,
            limits=TurnLimits(
                settings.chat.step_limit, settings.chat.tool_error_limit, settings.chat.cost_limit
            ),
            journal_days=settings.chat.journal_days,
            hub=hub,
            background=background,
            clock=clock,
        )
        services = Services(
            settings=settings,
            clock=clock,
            hub=hub,
            auth=AuthService(
                AuthStore(database, clock), Passwords(hasher), SetupCode(state), clock
            ),
            catalog=catalog,
            chat=ChatService(
                conversations=conversations,
                turns=turn_store,
                runner=turns,
                catalog=catalog,
                hub=hub,
                clock=clock,
                system_prompt=settings.openrouter.system_prompt,
            ),
            turns=turns,
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
        yield AuthService(AuthStore(database, clock), Passwords(), SetupCode(state), clock)


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

    background = services.background
    background.start(turns.writer.run(), name="journal writer")
    background.start(beat(tick), name="heartbeat")
    background.start(every(REFRESH_SECONDS, services.catalog.refresh), name="refresh models")
    if leader.try_lead():
        # With a full disk no turn can be closed; the rest of Parlor is there all the same.
        recovering = background.start(lead(), name="recover turns")
        await asyncio.wait([recovering], timeout=_RECOVERY_SECONDS)
    else:  # the process before this one is still ending its turns
        background.start(leader.lead(lead), name="wait for the lead")
