"""A camera stands in the operator's file, and a model may use it."""

from collections.abc import AsyncGenerator

import pytest

import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401  # what the registry loads in a thread
from backend.auth.people import User
from backend.container import Services
from backend.settings import Settings
from tests.chat.household import in_the_file
from tests.chat.pictures.camera import Camera
from tests.conftest import make_settings
from tests.fakes.mcp_odd import OddServer, tool
from tests.fakes.mcp_server import Running, running
from tests.fakes.scripted import ScriptedProvider


@pytest.fixture
async def server() -> OddServer:
    return OddServer(tool("look", annotations={"readOnlyHint": True}))


@pytest.fixture
async def remote(server: OddServer) -> AsyncGenerator[Running]:
    async with running(server) as started:
        yield started


@pytest.fixture
async def settings(tmp_path, chat_settings, remote: Running) -> Settings:
    made = make_settings(tmp_path, **chat_settings)
    edge = made.edge.model_copy(update={"lan_allow": ("127.0.0.0/8",)})
    made = made.model_copy(update={"edge": edge})
    in_the_file(made, camera=remote.url)
    return made


@pytest.fixture
async def camera(
    services: Services, owner: User, provider: ScriptedProvider, server: OddServer
) -> Camera:
    made = Camera(services, owner, provider, server)
    await made.is_ready()
    return made
