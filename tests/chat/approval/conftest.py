"""Two servers that really listen stand in the operator's file, and a model may use them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401  # what the registry loads in a thread
from backend.auth.people import User
from backend.container import Services
from backend.settings import Settings
from tests.chat.household import Home, in_the_file
from tests.conftest import make_settings
from tests.fakes.mcp_household import HouseholdServer
from tests.fakes.mcp_server import Running, modern, running


@pytest.fixture
async def server() -> HouseholdServer:
    return HouseholdServer()


@pytest.fixture
async def remote(server: HouseholdServer) -> AsyncGenerator[Running]:
    async with running(server.app) as started:
        yield started


@pytest.fixture
async def workshop() -> AsyncGenerator[Running]:
    async with running(modern()) as started:
        yield started


@pytest.fixture
async def settings(tmp_path, chat_settings, remote: Running, workshop: Running) -> Settings:
    made = make_settings(tmp_path, **chat_settings)
    edge = made.edge.model_copy(update={"lan_allow": ("127.0.0.0/8",)})
    made = made.model_copy(update={"edge": edge})
    in_the_file(made, household=remote.url, workshop=workshop.url)
    return made


@pytest.fixture
async def home(services: Services, owner: User, server: HouseholdServer, remote: Running) -> Home:
    made = Home(services, owner, server, remote)
    await made.is_ready("household", "workshop")
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The servers run in this process; killed in the middle they leave streams open."""
    left_open = "ignore:Exception ignored in.*MemoryObject:pytest.PytestUnraisableExceptionWarning"
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(left_open))
