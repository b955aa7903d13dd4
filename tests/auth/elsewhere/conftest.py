from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from backend.container import open_services
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from backend.settings.edge import EdgeSettings, OidcSettings
from tests.auth.elsewhere.house import House
from tests.conftest import HASHER, PASSWORD, make_settings
from tests.fakes.clock import StillClock
from tests.fakes.identity_provider import CLIENT, SECRET, IdentityProvider

type Open = Callable[..., Awaitable[House]]


@pytest.fixture
async def idp(clock: StillClock) -> AsyncGenerator[IdentityProvider]:
    async with IdentityProvider(clock) as running:
        yield running


@pytest.fixture
async def opened(tmp_path: Path, idp: IdentityProvider, clock: StillClock) -> AsyncGenerator[Open]:
    async with AsyncExitStack() as stack:

        async def make(*, edge: Any = None, **oidc: Any) -> House:
            given = {
                "issuer": idp.issuer,
                "client_id": CLIENT,
                "client_secret": SECRET,
                **oidc,
            }
            update = {
                "oidc": OidcSettings.model_validate(given),
                "edge": EdgeSettings.model_validate(edge or {}),
            }
            settings = make_settings(tmp_path).model_copy(update=update)
            services = await stack.enter_async_context(
                open_services(
                    settings, providers=Providers([DemoProvider()]), clock=clock, hasher=HASHER
                )
            )
            await services.auth.add("anna", PASSWORD, "Anna", role="owner", first=True)
            return House(services, stack)

        yield make


@pytest.fixture
async def house(opened: Open) -> House:
    return await opened()


@pytest.fixture
async def browser(house: House) -> httpx2.AsyncClient:
    return await house.browser()
