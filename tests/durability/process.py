"""Parlor as its owner runs it: a process of its own, before a fake upstream."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from backend.container import open_services
from backend.providers.shipped import Providers
from tests.chat.routed import Screen, sign_in
from tests.conftest import HASHER, PASSWORD, USERNAME, make_settings
from tests.fakes.answers import Pause, Scenario, Send, Step, said
from tests.fakes.scripted import ScriptedProvider
from tests.fakes.upstream import FakeUpstream

ROOT = Path(__file__).parents[2]
PATIENCE = 10
"""A start on a machine that is busy with other tests."""


async def make_owner(state_dir: Path) -> dict[str, str]:
    """The cookie of an owner whom no server has seen yet."""
    async with open_services(
        make_settings(state_dir), providers=Providers([ScriptedProvider()]), hasher=HASHER
    ) as services:
        await services.auth.add(USERNAME, PASSWORD, "", role="owner")
        return await sign_in(services.auth)


@dataclass
class Server:
    process: asyncio.subprocess.Process
    screen: Screen

    @classmethod
    @asynccontextmanager
    async def running(
        cls, state_dir: Path, upstream: FakeUpstream, cookies: dict[str, str], **settings: object
    ) -> AsyncGenerator[Self]:
        """Killed at the end, if it still runs then."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "backend", "serve", "--port", "0"),
            cwd=state_dir,  # not the checkout: a developer's .env is not ours
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(ROOT),
                "PARLOR_STATE_DIR": str(state_dir),
                "OPENROUTER_API_KEY": "sk-or-v1-test",
                "OPENROUTER_BASE_URL": upstream.base_url,
                **{name: str(value) for name, value in settings.items()},
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert process.stdout
            async with asyncio.timeout(PATIENCE):
                line = (await process.stdout.readline()).decode()
            assert "running at " in line, line
            async with aiohttp.ClientSession(
                base_url=line.split()[-1],
                cookies=cookies,
                cookie_jar=aiohttp.CookieJar(unsafe=True),
            ) as http:
                yield cls(process, Screen(http))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def is_killed(self) -> None:
        self.process.kill()
        await self.process.wait()

    def is_asked_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def conversation(self, conversation_id: str) -> dict[str, Any]:
        async with self.screen.http.get(f"/api/conversations/{conversation_id}") as response:
            assert response.status == 200, await response.text()
            found: dict[str, Any] = await response.json()
            return found

    async def again(self, how: str, conversation_id: str, message_id: str) -> bytes:
        """`continue` or `regenerate`, to the end."""
        body = {"conversation_id": conversation_id, "message_id": message_id}
        async with self.screen.http.post(f"/api/chat/{how}", json=body) as response:
            assert response.status == 200, await response.text()
            return await response.read()


@dataclass
class Timed:
    """The steps of an endless answer that remembers when it said what."""

    burst: int
    pause: float
    said: list[tuple[float, str]] = field(default_factory=list)

    def scenario(self) -> Scenario:
        return Scenario(self)  # type: ignore[arg-type]  # it is only gone through once

    def __iter__(self) -> Iterator[Step]:
        clock = asyncio.get_running_loop().time
        while True:
            for _ in range(self.burst):
                token = f"{len(self.said)} "
                self.said.append((clock(), token))
                yield Send(said(token))
            yield Pause(self.pause)

    def until(self, moment: float) -> str:
        return "".join(token for at, token in self.said if at <= moment)
