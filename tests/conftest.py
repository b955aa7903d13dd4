"""What most tests start from: a Parlor in this process, an owner, a signed-in client."""

import gc
import ipaddress
import shutil
import sqlite3
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
import structlog
from argon2 import PasswordHasher
from blockbuster import blockbuster_ctx
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from xdist.scheduler import WorkStealingScheduling

from backend.app import create_app
from backend.auth.people import Origin, User
from backend.container import DATABASE_NAME, Services, open_services
from backend.db.migrate import migrate
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from backend.settings import Settings
from backend.settings.server import ServerSettings
from backend.toolbox.service import Toolbox
from tests.fakes.clock import StillClock
from tests.fakes.scripted import ScriptedProvider

USERNAME, PASSWORD = "anna", "correct horse"
ORIGIN = "http://127.0.0.1:8000"
HERE = Origin("127.0.0.1", "a test")
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Strong hashes would be most of a test's time."""


SYSTEM = (
    "tests/api/test_schema.py",
    "tests/chat/test_stopped_crowd.py",
    "tests/cli/",
    "tests/durability/",
    "tests/edge/test_patience.py",
    "tests/mcp_endpoint/test_bridge.py",
    "tests/mcp_servers/test_pdf.py",
    "tests/mcp_servers/test_running.py",
    "tests/security/test_bad_input.py",
    "tests/security/test_canaries.py",
    "tests/toolbox/test_healing.py",
)
"""What starts processes, sends floods or tries at random: a suite of its own, so that the rest
stays quick."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Either suite is spared the other's imports: schemathesis alone takes seconds."""
    wanted = config.getoption("markexpr")
    if collection_path.suffix != ".py" or wanted not in ("system", "not system"):
        return None
    is_system = collection_path.relative_to(config.rootpath).as_posix().startswith(SYSTEM)
    return True if is_system != (wanted == "system") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SYSTEM):
            item.add_marker(pytest.mark.system)


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """What importing made stays to the end: looking through it again and again takes longer than
    many tests. What a test leaves behind is found as before."""
    gc.collect()
    gc.freeze()
    gc.enable()


MAY_BLOCK = {
    # A few bytes beside the database, while the first person signs up.
    "backend/auth/setup_code.py": {"read_or_make", "matches", "discard"},
    # Reads the built front ends, before anything is served.
    "backend/app.py": {"create_app"},
    # A log line, and the source lines of a traceback in it.
    "structlog/_output.py": {"msg"},
    "linecache.py": {"updatecache"},
    # A test that looks into the database at a moment of its choice.
    "tests/chat/test_turn.py": {"look"},
    # The same after each of thousands of requests: said here, because asking takes longest there.
    "tests/security/door.py": {"_commits", "_dump"},
}


class OutsideWorldError(Exception):
    """A test tried to reach something that is not on this machine."""


def _stay_inside(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments[:1]
    else:
        return
    host = address[0] if isinstance(address, tuple) else None
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str) or host in ("", "localhost"):
        return
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, for which another machine would be asked
        inside = False
    if not inside:
        raise OutsideWorldError(f"A test wanted to reach {host}.")


sys.addaudithook(_stay_inside)


@pytest.hookimpl(optionalhook=True)  # `-p no:xdist` runs them as well
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> WorkStealingScheduling:
    """The slow tests stand together in their files; a worker that is idle takes some over."""
    return WorkStealingScheduling(config, log)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[None]:
    """A blocking call of ours on the event loop raises BlockingError."""
    with blockbuster_ctx("backend") as watched:
        for place, functions in MAY_BLOCK.items():
            for function in watched.functions.values():
                function.can_block_in(place, functions)
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_are_plain() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(["event"]),
        ]
    )


def make_settings(state_dir: Path, **chat: object) -> Settings:
    """The defaults with a state folder of their own; `chat` changes chat settings."""
    defaults = Settings.defaults()
    return defaults.model_copy(
        update={
            "server": ServerSettings.model_construct(state_dir=state_dir),
            "chat": defaults.chat.model_copy(update=chat),
        }
    )


@pytest.fixture
def chat_settings() -> dict[str, object]:
    """For `parametrize`: chat settings that differ from the defaults."""
    return {}


@pytest.fixture
def settings(tmp_path: Path, chat_settings: dict[str, object]) -> Settings:
    return make_settings(tmp_path, **chat_settings)


@pytest.fixture
def clock() -> StillClock:
    """Not what `services` runs on, unless a test opens its own."""
    return StillClock()


@pytest.fixture
async def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def toolbox() -> Toolbox | None:
    """For modules that need tools of their own."""
    return None


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the migrations leave it: making one takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / DATABASE_NAME
    migrate(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
async def services(
    settings: Settings, provider: ScriptedProvider, toolbox: Toolbox | None, empty_database: Path
) -> AsyncGenerator[Services]:
    """Everything but HTTP. The default model is the scripted one, the demo is there too."""
    shutil.copyfile(empty_database, settings.server.state_dir / DATABASE_NAME)
    providers = Providers([provider, DemoProvider()])
    async with open_services(
        settings, providers=providers, hasher=HASHER, toolbox=toolbox
    ) as opened:
        await opened.catalog.refresh()
        yield opened


@pytest.fixture
async def owner(services: Services) -> User:
    return await services.auth.add(USERNAME, PASSWORD, "Anna", role="owner", first=True)


_APPS: dict[str, FastAPI] = {}


def app_for(settings: Settings) -> FastAPI:
    """One for all tests with the same door, to be left as it is: with the first request FastAPI
    prepares all routes, and that would take longer than most tests. Its lifespan is not run."""
    door = repr((settings.edge, settings.server.tls_cert))
    if door not in _APPS:
        _APPS[door] = create_app(settings)
    return _APPS[door]


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return app_for(settings)


@pytest.fixture
async def stranger(app: FastAPI, services: Services) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client that has not signed in. Streams arrive whole, when the turn has ended."""

    async def with_services(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"services": services}}, receive, send)

    transport = httpx2.ASGITransport(with_services)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, timeout=5) as client:
        yield client


@pytest.fixture
async def client(stranger: httpx2.AsyncClient, owner: User) -> httpx2.AsyncClient:
    """The owner's client."""
    answer = await stranger.post(
        "/api/auth/login", json={"username": USERNAME, "password": PASSWORD, "mode": "session"}
    )
    assert answer.status_code == 200, answer.text
    return stranger
