"""Servers that want a page opened before a call can run (an error of the older protocol)."""

import asyncio
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import UrlElicitationRequiredError
from mcp.types import ElicitRequestURLParams
from pydantic import BaseModel
from starlette.responses import JSONResponse

from backend.toolbox.context import NO, Answer, CallContext, Question
from backend.toolbox.records import CallFailedError
from tests.fakes.mcp_odd import OddServer
from tests.fakes.mcp_server import older, running

PAGE = "https://accounts.example/connect"


class Colour(BaseModel):
    colour: str


async def test_a_server_that_asks_nobody_again_and_again_comes_to_its_deadline(shop):
    """Where no person is, each question is refused at once: that must not be time for ever."""
    server: MCPServer[Any] = MCPServer("nag", log_level="CRITICAL")
    asked = []

    @server.tool(structured_output=False)
    async def nag(ctx: Context) -> str:
        while True:
            asked.append(await ctx.elicit("Which colour?", Colour))
            await asyncio.sleep(0.05)

    shop.seconds = 0.2
    async with running(older(server)) as remote:
        connected = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match="no answer within"):
            async with asyncio.timeout(4):
                await shop.call(connected, "nag")
    assert len(asked) > 3


class Bank:
    """Pays only for those who have been on its page."""

    def __init__(self, page: str = PAGE) -> None:
        self.page = page
        self.calls = 0
        self.connected = asyncio.Event()
        self.news: list[asyncio.Task[None]] = []
        server: MCPServer[Any] = MCPServer("bank", log_level="CRITICAL")

        @server.tool(structured_output=False)
        async def pay(ctx: Context) -> str:
            self.calls += 1
            if self.connected.is_set():
                return "paid"
            self.news.append(asyncio.ensure_future(self._watch(ctx)))
            raise UrlElicitationRequiredError(
                [ElicitRequestURLParams(message="Connect it", url=self.page, elicitation_id="one")]
            )

        self.app = older(server)

    async def _watch(self, ctx: Context) -> None:
        await self.connected.wait()
        await ctx.session.send_elicit_complete("one")


class Person:
    """Does on the page what it is for, and says so, or says no."""

    def __init__(self, bank: Bank, *, willing: bool = True) -> None:
        self.asked: list[Question] = []
        self._bank = bank
        self._willing = willing
        self.context = CallContext(ask=self._answer)

    async def _answer(self, question: Question) -> Answer:
        self.asked.append(question)
        if not self._willing:
            return NO
        self._bank.connected.set()
        return Answer("accept")


async def test_the_call_runs_once_the_person_has_been_on_the_page(shop):
    bank = Bank()
    person = Person(bank)
    async with running(bank.app) as remote:
        server = await shop.ready(remote.url)
        assert (await shop.call(server, "pay", person.context)).text == "paid"
    assert [(one.kind, one.url) for one in person.asked] == [("url", PAGE)]
    assert bank.calls == 2


async def test_without_a_yes_the_call_is_not_tried_again(shop):
    bank = Bank()
    async with running(bank.app) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match="wants a page opened first, and it was not"):
            await shop.call(server, "pay", Person(bank, willing=False).context)
        bank.connected.set()  # lets it end
    assert bank.calls == 1


@pytest.mark.parametrize(
    "page", ["http://accounts.example/", "javascript:alert(1)", "https://a:b@c/"]
)
async def test_m4_a_page_that_is_not_safe_is_shown_to_nobody(shop, page):
    bank = Bank(page)
    person = Person(bank)
    async with running(bank.app) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match="wants a page opened first"):
            await shop.call(server, "pay", person.context)
        bank.connected.set()
    assert person.asked == []


@pytest.mark.parametrize("data", [None, [], {"elicitations": 3}, {"elicitations": [{"url": 1}]}])
async def test_a_wish_that_makes_no_sense_is_a_refusal_like_any_other(shop, data):
    odd = OddServer()
    error = {"code": -32042, "message": "open something", "data": data}
    body = {"jsonrpc": "2.0", "id": 3, "error": error}
    odd.results["ping"] = lambda: JSONResponse(body, status_code=400)
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match="It refused: open something"):
            await shop.call(server, "ping")
