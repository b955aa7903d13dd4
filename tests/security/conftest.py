"""Everybody is gathered once a module, in one event loop."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing

import pytest

from backend.app import create_app
from backend.container import open_services
from backend.kit.clock import SystemClock
from backend.ops.certificates import CertificateFiles, ensure
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from tests.api.serving import with_services
from tests.conftest import HASHER, make_settings
from tests.fakes.scripted import ScriptedProvider
from tests.security.cast import Home, gather
from tests.security.door import Door


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    settings = make_settings(tmp_path_factory.mktemp("state"))
    authority = CertificateFiles(settings.server.state_dir / "certs")
    await asyncio.to_thread(ensure, authority, ["localhost"], SystemClock())
    provider = ScriptedProvider()
    providers = Providers([provider, DemoProvider()])
    async with open_services(settings, providers=providers, hasher=HASHER) as services:
        await services.catalog.refresh()
        app = create_app(settings)
        home = Home(app, services, provider)
        cast = await gather(home, tmp_path_factory.mktemp("elsewhere"))
        path = settings.server.state_dir / "parlor.db"
        with closing(Door(with_services(app, services), cast, path)) as made:
            yield made
