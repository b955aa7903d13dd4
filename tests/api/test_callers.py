"""Nothing answers without a caller, except what stands here."""

from collections.abc import Iterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from backend.app import create_app
from backend.auth.people import User
from backend.container import Services
from backend.settings import Settings
from tests.api.asking import refused
from tests.api.serving import with_services
from tests.conftest import ORIGIN

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/ca"),
    ("GET", "/ca.crt"),
    ("GET", "/ca.css"),
    ("GET", "/api/auth/setup"),
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/passkey"),
    ("POST", "/api/auth/passkey/options"),
    ("POST", "/api/auth/access"),
    ("GET", "/api/auth/oidc/start"),
    ("GET", "/api/auth/oidc/callback"),
    ("GET", "/api/mcp/sign-in/callback"),
    ("GET", "/.well-known/parlor-mcp-client.json"),
    ("GET", "/.well-known/oauth-protected-resource"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("POST", "/oauth/register"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("POST", "/api/devices/pairings"),
    ("POST", "/api/devices/pairings/claim"),
}
LAYERS = ["SecurityHeaders", "Frontends", "BodyLimit"]
"""Around the routes. Only the front ends answer by themselves: files, and no API path."""


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        assert route.methods, f"{route.path} is not an HTTP route: say here who may use it"
        yield from ((method, str(route.path)) for method in sorted(route.methods))


def filled(path: str) -> str:
    return "/".join("some" if step.startswith("{") else step for step in path.split("/"))


async def open_routes(app: FastAPI, services: Services) -> set[tuple[str, str]]:
    """The routes that did not ask who is calling."""
    transport = httpx2.ASGITransport(with_services(app, services))
    found = set()
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as nobody:
        for method, path in routes(app):
            answer = await nobody.request(method, filled(path))
            if answer.status_code != 401 or answer.json()["code"] != "not_signed_in":
                found.add((method, path))
    return found


async def test_only_the_listed_routes_answer_without_a_caller(
    app: FastAPI, services: Services, owner: User
) -> None:
    assert await open_routes(app, services) == PUBLIC


async def test_a_new_route_that_forgets_its_caller_is_found(
    settings: Settings, services: Services, owner: User
) -> None:
    app = create_app(settings)

    @app.get("/api/forgotten")
    async def forgotten() -> str:
        return "a secret"

    assert await open_routes(app, services) - PUBLIC == {("GET", "/api/forgotten")}


async def test_no_layer_around_the_routes_is_unknown(app: FastAPI) -> None:
    assert [getattr(layer.cls, "__name__", "") for layer in app.user_middleware] == LAYERS


ALL = sorted(routes(create_app(Settings.defaults())))


@pytest.mark.parametrize(("method", "path"), [pair for pair in ALL if pair not in PUBLIC])
async def test_anonymous_is_told_to_sign_in_in_the_usual_shape(
    method: str, path: str, stranger: httpx2.AsyncClient, owner: User
) -> None:
    refused(await stranger.request(method, filled(path)), 401, "not_signed_in")
    stranger.cookies.set("parlor", "made-up")
    refused(await stranger.request(method, filled(path)), 401, "not_signed_in")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/v1/models", "/metrics/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_the_pages_never_stand_in_for_an_api_path(
    method: str, path: str, stranger: httpx2.AsyncClient
) -> None:
    answer = await stranger.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    if method != "HEAD":
        refused(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_pages_are_only_read(method: str, stranger: httpx2.AsyncClient) -> None:
    refused(await stranger.request(method, "/"), 404, "not_found")


async def test_the_interactive_documentation_is_not_served(stranger: httpx2.AsyncClient) -> None:
    for path in ("/openapi.json", "/api/openapi.json"):
        refused(await stranger.get(path), 404, "not_found")
    for path in ("/docs", "/redoc"):
        assert "swagger" not in (await stranger.get(path)).text.lower()


async def test_another_spelling_of_a_path_is_not_redirected(
    client: httpx2.AsyncClient,
) -> None:
    """A redirect would be built from the Host header, which anybody can write."""
    refused(await client.get("/api/conversations/"), 404, "not_found")
