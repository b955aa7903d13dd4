"""What the checks of other people's servers work with: one server, and a site for it to read."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from backend.messages import ToolCall, ToolReturn
from backend.toolbox.context import CallContext
from backend.toolbox.paging import PAGE, READ_MORE
from tests.conformance.household import ANNA, Household
from tests.fakes.site import Asked, FakeSite, Reply

PARAGRAPH = "<p>Boil the pasta for nine minutes. " + "Stir now and then. " * 20 + "</p>"
PAGE_TEXT = (
    f"<html><head><title>Pasta</title></head><body><article>{PARAGRAPH * 3}</article></body>"
)
LONG = "All work and no play makes the page long.\n"
HANGS = asyncio.Event()
"""Never set: who fetches /slow waits for ever."""


async def answer(asked: Asked) -> Reply:
    """The site that fetch may read."""
    html = {"Content-Type": "text/html"}
    match asked.path:
        case "/robots.txt":
            rules = b"User-agent: *\nDisallow: /private\n"
            return Reply(200, rules, {"Content-Type": "text/plain"})
        case "/pasta":
            return Reply(200, PAGE_TEXT.encode(), html)
        case "/long":
            return Reply(200, LONG.encode() * 20_000, {"Content-Type": "text/plain"})
        case "/slow":
            await HANGS.wait()
    return Reply(404, b"nothing here", html)


@dataclass
class Bench:
    """One server and what it takes to examine it. `folder` exists only when a check makes it."""

    id: str
    ours: Household
    site: FakeSite
    folder: Path
    die: Callable[[], Awaitable[None]]
    come_back: Callable[[], Awaitable[None]]

    def names(self) -> set[str]:
        return set(self.ours.tools(self.id))

    async def call(
        self, name: str, arguments: Mapping[str, Any] | None = None, **more: Any
    ) -> ToolReturn:
        tool = self.ours.tools(self.id)[name]
        return await self.ours.call(tool, arguments or {}, **more)

    async def said(self, name: str, /, **arguments: Any) -> str:
        returned = await self.call(name, arguments)
        assert not returned.failed, f"{name}: {returned.content[:500]}"
        return returned.content

    async def refused(self, name: str, /, **arguments: Any) -> str:
        returned = await self.call(name, arguments)
        assert returned.failed, f"{name}: {returned.content[:500]}"
        return returned.content

    async def survives(self, in_flight: str, arguments: Mapping[str, Any]) -> None:
        """Killed in the middle of a call: that one is an error, the next call succeeds."""
        calling = asyncio.ensure_future(self.call(in_flight, arguments))
        await asyncio.sleep(0.5)  # on its way
        assert not calling.done(), calling.result().content[:300]
        await self.die()
        async with asyncio.timeout(10):
            lost = await calling
        assert lost.failed, lost.content[:300]
        assert "is unreachable" in lost.content, lost.content[:300]
        await self.come_back()

    async def gives_up(self, name: str, arguments: Mapping[str, Any]) -> None:
        """A call that is stopped ends at once and disturbs no other."""
        calling = asyncio.ensure_future(self.call(name, arguments))
        await asyncio.sleep(0.5)  # on its way
        calling.cancel()
        async with asyncio.timeout(0.5):
            await asyncio.wait({calling})
        assert calling.cancelled()

    async def read_on(self, cut: str) -> str:
        """The page after the one that a model was shown first."""
        found = re.search(r'read_more with id "(\w+)" and offset (\d+)\]$', cut)
        assert found, cut[-200:]
        assert len(cut) < PAGE + 200
        arguments = orjson.dumps({"id": found[1], "offset": int(found[2])}).decode()
        call = ToolCall("2", READ_MORE.name, arguments)
        returned = await self.ours.servers.toolbox_for(ANNA).call(call, CallContext(ANNA))
        assert not returned.failed, returned.content
        return returned.content
