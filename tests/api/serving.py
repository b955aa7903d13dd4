"""The application behind a real socket, in this event loop: for streams and broken requests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.container import Services
from tests.fakes.served import quiet_server


def with_services(app: ASGIApp, services: Services) -> ASGIApp:
    """What the lifespan does, for services that a fixture has opened."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"services": services}}, receive, send)

    return answer


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve on a free port of loopback; yields the address."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    async with quiet_server(config) as port:
        yield f"http://127.0.0.1:{port}"
