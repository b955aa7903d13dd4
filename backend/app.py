"""The ASGI application: edge, lifespan, front ends."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

from backend.api import (
    access_sign_in,
    api_keys,
    approvals,
    apps,
    audit,
    auth,
    ca,
    conversations,
    devices,
    health,
    live,
    mcp,
    memories,
    metrics,
    models,
    oauth_server,
    oidc,
    own_tools,
    passkeys,
    people,
    second_factor,
    sessions,
    system,
    tool_prompts,
    tool_resources,
    tool_sign_in,
    tool_traffic,
    tools,
    turns,
    uploads,
)
from backend.api.edge import gate
from backend.api.errors import add_error_handlers
from backend.api.frontends import Frontends, Shelf, built_frontends
from backend.api.openapi import add_shared_schemas
from backend.api.security import BodyLimit, SecurityHeaders
from backend.container import Services, open_services
from backend.kit.version import VERSION
from backend.settings import Settings

type OpenServices = Callable[[Settings], AbstractAsyncContextManager[Services]]

# Matched in this order: what is asked most comes first. Whoever waits for a start asks for health,
# and FastAPI prepares a router's routes when it first looks for one there: milliseconds each.
ROUTERS = (
    health.router,
    turns.router,
    approvals.router,
    conversations.router,
    live.router,
    models.router,
    memories.router,
    uploads.router,
    tools.router,
    own_tools.router,
    mcp.router,
    tool_sign_in.router,
    tool_prompts.router,
    tool_resources.router,
    tool_traffic.router,
    auth.router,
    oidc.router,
    access_sign_in.router,
    sessions.router,
    second_factor.router,
    passkeys.router,
    api_keys.router,
    apps.router,
    oauth_server.router,
    people.router,
    devices.router,
    audit.router,
    system.router,
    metrics.router,
    ca.router,
)


class _State(TypedDict):
    services: Services


def create_app(
    settings: Settings | None = None, *, opener: OpenServices = open_services
) -> FastAPI:
    """The whole application; settings are read from the environment when none are given.

    `app.state.services` is there while it runs, for whoever stops the server.
    Raises SettingsError.
    """
    chosen = settings or Settings.load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[_State]:
        async with opener(chosen) as services:
            app.state.services = services
            yield {"services": services}

    app = FastAPI(
        title="Parlor",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    add_error_handlers(app)
    add_shared_schemas(app)
    # Added last runs first: the door and headers on everything, then files, then the size of a body.
    app.add_middleware(BodyLimit)
    app.add_middleware(Frontends, Shelf(built_frontends()))
    app.add_middleware(SecurityHeaders, gate(chosen))
    return app
