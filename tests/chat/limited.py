"""People with limits, at services whose day is Berlin's and whose clock stands still."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.auth.people import Limits
from backend.chat.allowance import NotAllowedError
from backend.container import Services, open_services
from backend.messages import ToolSpec
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from backend.settings import Settings
from backend.toolbox.service import Tool, Toolbox
from tests.api.asking import stored
from tests.chat.talk import Talk
from tests.conftest import HASHER
from tests.fakes.clock import StillClock
from tests.fakes.scripted import ScriptedProvider


async def _done(*_: Any) -> str:
    return "done"


@asynccontextmanager
async def services_in_berlin(
    settings: Settings, provider: ScriptedProvider, clock: StillClock
) -> AsyncGenerator[Services]:
    """It is Friday, 13 o'clock, winter time."""
    berlin = settings.server.model_copy(update={"time_zone": "Europe/Berlin"})
    tools = [Tool(ToolSpec(name, "A tool.", {}), _done) for name in ("home_lights", "mail_send")]
    async with open_services(
        settings.model_copy(update={"server": berlin}),
        providers=Providers([provider, DemoProvider()]),
        hasher=HASHER,
        toolbox=Toolbox(tools),
        clock=clock,
    ) as opened:
        await opened.catalog.refresh()
        yield opened


async def person(services: Services, name: str = "mia", **limits: Any) -> Talk:
    user = await services.auth.add(name, "correct horse", "", role="child")
    return Talk(services, user.model_copy(update={"limits": Limits(**limits)}))


async def refused(talk: Talk, code: str, words: str = r"\w", **more: Any) -> None:
    """Nothing is stored; only the audit log may tell of a budget."""
    before = await unaudited(talk.services)
    with pytest.raises(NotAllowedError, match=words) as caught:
        await talk.send("Hello", **more)
    assert (caught.value.code, caught.value.status) == (code, 403)
    assert await unaudited(talk.services) == before


async def unaudited(services: Services) -> Any:
    return {**await stored(services), "audit_events": None}
