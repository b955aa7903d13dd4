"""A Parlor whose people may sign in elsewhere, and what browsers do there."""

from contextlib import AsyncExitStack
from typing import Any

import httpx2
from starlette.types import Receive, Scope, Send

from backend.auth.people import User
from backend.auth.service import NewPerson
from backend.container import Services
from tests.conftest import ORIGIN, PASSWORD, app_for
from tests.fakes.identity_provider import IdentityProvider

START, CALLBACK = "/api/auth/oidc/start", "/api/auth/oidc/callback"
LINK = "/api/auth/oidc/link"


class House:
    """A Parlor with that provider, and the browsers of people."""

    def __init__(self, services: Services, stack: AsyncExitStack) -> None:
        self.services = services
        self._app = app_for(services.settings)
        self._stack = stack

    async def browser(self, base: str = ORIGIN) -> httpx2.AsyncClient:
        async def with_services(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, "state": {"services": self.services}}, receive, send)

        transport = httpx2.ASGITransport(with_services)
        client = httpx2.AsyncClient(transport=transport, base_url=base, timeout=5)
        return await self._stack.enter_async_context(client)

    async def person(self, name: str, email: str | None = None, role: Any = "adult") -> User:
        person = NewPerson(name, PASSWORD, name.title(), role, email)
        return await self.services.auth.add_person(person, actor="", address="")

    async def stored(self, table: str) -> int:
        return await self.services.database.read(
            lambda c: int(c.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  # a word from a test
        )


async def begin(browser: httpx2.AsyncClient) -> str:
    answer = await browser.get(START)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def begin_link(browser: httpx2.AsyncClient) -> str:
    answer = await browser.post(LINK, json={"password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def sign_in(
    browser: httpx2.AsyncClient, idp: IdentityProvider, **claims: Any
) -> httpx2.Response:
    """The whole way, by a person who agrees."""
    back = idp.consent(await begin(browser), **claims)
    return await browser.get(back)


def went_home(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def problem(answer: httpx2.Response, code: str) -> None:
    """A fixed place, no session, and nothing of the request in it."""
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login#problem={code}")
    assert "parlor=" not in str(answer.headers.get_list("set-cookie"))
    assert answer.content == b""


async def who(browser: httpx2.AsyncClient) -> str | None:
    answer = await browser.get("/api/auth/me")
    return answer.json()["user"]["username"] if answer.status_code == 200 else None


async def link(browser: httpx2.AsyncClient, idp: IdentityProvider, name: str, **claims: Any) -> Any:
    body = {"username": name, "password": PASSWORD, "mode": "session"}
    assert (await browser.post("/api/auth/login", json=body)).status_code == 200
    back = idp.consent(await begin_link(browser), **claims)
    return await browser.get(back)
