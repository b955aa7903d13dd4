"""A person's screen at a real socket, before a Parlor whose provider is a real socket too."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp

from backend.auth.service import AuthService
from backend.container import Services, open_services
from backend.providers.openrouter import OpenRouter
from backend.providers.shipped import Providers
from backend.settings import Settings
from backend.toolbox.service import Toolbox
from tests.chat.talk import Heard, Talk
from tests.conftest import HASHER, HERE, PASSWORD, USERNAME, app_for
from tests.fakes.served import served
from tests.fakes.upstream import FakeUpstream


@dataclass
class Screen:
    """A signed-in browser. `turn_id` is the newest turn it began."""

    http: aiohttp.ClientSession
    turn_id: str = ""

    async def send(self, text: str, **more: object) -> aiohttp.ClientResponse:
        """The stream of a new turn, unread."""
        body = {"messages": [{"role": "user", "content": text}], **more}
        response = await self.http.post("/api/chat/stream", json=body)
        assert response.status == 200, await response.text()
        self.turn_id = response.headers["X-Turn-Id"]
        return response

    async def follow(self, turn_id: str, after: int = 0) -> aiohttp.ClientResponse:
        response = await self.http.get(
            f"/api/chat/turns/{turn_id}/events", params={"after": str(after)}
        )
        assert response.status == 200, await response.text()
        return response

    async def stop(self, turn_id: str) -> dict:
        async with self.http.post(f"/api/chat/turns/{turn_id}/stop") as response:
            assert response.status == 200, await response.text()
            return await response.json()


async def read(response: aiohttp.ClientResponse, frames: int | None = None) -> bytes:
    """The stream's frames, to its end, or until that many are there; then it is cut off."""
    raw = b""
    async with response:
        while frames is None or count(raw) < frames:
            data = await response.content.readany()
            if not data:
                break
            raw += data
        response.close()
    return first_frames(raw, frames)


def first_frames(raw: bytes, frames: int | None) -> bytes:
    """Whole frames without comments."""
    whole = [one + b"\n\n" for one in raw.split(b"\n\n")[:-1] if not one.startswith(b":")]
    return b"".join(whole[:frames])


def count(raw: bytes) -> int:
    return Heard.of_bytes(raw).numbers[-1] if b"id: " in raw else 0


async def sign_in(auth: AuthService) -> dict[str, str]:
    """The cookie of a session."""
    signed_in = await auth.login(USERNAME, PASSWORD, origin=HERE)
    return {"parlor": signed_in.token}


@dataclass
class Routed:
    services: Services
    upstream: FakeUpstream
    talk: Talk
    provider: OpenRouter

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, settings: Settings, toolbox: Toolbox | None = None
    ) -> AsyncGenerator[Self]:
        async with (
            FakeUpstream() as upstream,
            OpenRouter(api_key="sk-or-v1-test", base_url=upstream.base_url) as provider,
            open_services(
                settings, providers=Providers([provider]), hasher=HASHER, toolbox=toolbox
            ) as services,
        ):
            await services.catalog.refresh()
            user = await services.auth.add(USERNAME, PASSWORD, "", role="owner")
            yield cls(services, upstream, Talk(services, user), provider)

    @asynccontextmanager
    async def screen(self) -> AsyncGenerator[Screen]:
        """One that talks HTTP over a socket."""
        app = app_for(self.services.settings)
        async with (
            served(app, self.services) as address,
            aiohttp.ClientSession(
                base_url=address,
                cookies=await sign_in(self.services.auth),
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.CookieJar(unsafe=True),  # a host that is a number has cookies
            ) as http,
        ):
            yield Screen(http)
