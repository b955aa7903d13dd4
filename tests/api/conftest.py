from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx2
import pytest
from fastapi import FastAPI

from backend.auth.people import User
from backend.container import Services
from tests.api.serving import serving, with_services
from tests.conftest import ORIGIN, PASSWORD, USERNAME

type Newcomer = Callable[[], Awaitable[httpx2.AsyncClient]]


@pytest.fixture
async def newcomer(app: FastAPI, services: Services) -> AsyncGenerator[Newcomer]:
    """Makes clients that have not signed in. In this process; streams arrive whole."""
    async with AsyncExitStack() as stack:

        async def make() -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(with_services(app, services))
            client = httpx2.AsyncClient(transport=transport, base_url=ORIGIN, timeout=5)
            return await stack.enter_async_context(client)

        yield make


async def sign_in(client: httpx2.AsyncClient, name: str, password: str = PASSWORD) -> None:
    body = {"username": name, "password": password, "mode": "session"}
    answer = await client.post("/api/auth/login", json=body)
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def bob(owner: User, services: Services, newcomer: Newcomer) -> httpx2.AsyncClient:
    """The client of a second person."""
    await services.auth.add("bob", PASSWORD, "Bob", role="adult")
    client = await newcomer()
    await sign_in(client, "bob")
    return client


@pytest.fixture
async def server(app: FastAPI, services: Services) -> AsyncGenerator[str]:
    """The address of a real server."""
    async with serving(with_services(app, services)) as address:
        yield address


@pytest.fixture
async def socket_client(server: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """Talks to the real server; not signed in."""
    # Plain http: to read the machine's certificates would take longer than most tests.
    async with httpx2.AsyncClient(verify=False, base_url=server, timeout=5) as client:
        yield client


@pytest.fixture
async def live_client(socket_client: httpx2.AsyncClient, owner: User) -> httpx2.AsyncClient:
    """The owner, at the real server: streams arrive as they are sent."""
    await sign_in(socket_client, USERNAME)
    return socket_client
