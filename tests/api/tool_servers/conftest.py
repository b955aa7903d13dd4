from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.container import Services
from backend.settings import Settings
from tests.api.asking import until
from tests.api.tool_servers.mail import HARMLESS
from tests.chat.household import in_the_file
from tests.conftest import make_settings
from tests.fakes.mcp_odd import OddServer, tool
from tests.fakes.mcp_server import Running, running


@pytest.fixture
async def odd() -> OddServer:
    return OddServer(tool("send_mail"), tool("look", annotations=HARMLESS))


@pytest.fixture
async def remote(odd: OddServer) -> AsyncGenerator[Running]:
    async with running(odd) as started:
        yield started


@pytest.fixture
async def settings(tmp_path: Path, chat_settings: dict[str, object], remote: Running) -> Settings:
    made = make_settings(tmp_path, **chat_settings)
    edge = made.edge.model_copy(update={"lan_allow": ("127.0.0.0/8",)})
    made = made.model_copy(update={"edge": edge})
    in_the_file(made, mail=remote.url)
    return made


@pytest.fixture
async def ready(services: Services) -> Services:
    await until(lambda: "mail" in services.tool_servers.connections)
    await until(lambda: services.tool_servers.connections["mail"].session is not None)
    return services
