"""What a program reads before anything else, and where there is nothing to read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from backend.app import create_app
from backend.auth.people import User
from backend.container import Services, open_services
from backend.settings import Settings
from tests.api.apps.program import REDIRECT, RESOURCE, Program
from tests.api.conftest import sign_in
from tests.api.serving import with_services
from tests.conftest import HASHER, ORIGIN, PASSWORD, USERNAME

PLACES = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
]
HOME = "https://chat.example.org"


@asynccontextmanager
async def reached(
    settings: Settings, public_url: str | None, by: str = ORIGIN
) -> AsyncGenerator[tuple[httpx2.AsyncClient, Services]]:
    """A Parlor that goes by this address, asked by that one."""
    values = {"public_url": public_url, "hosts": ("parlor.lan",)}
    public = settings.model_copy(update={"edge": settings.edge.model_validate(values)})
    async with open_services(public, hasher=HASHER) as services:
        transport = httpx2.ASGITransport(with_services(create_app(public), services))
        async with httpx2.AsyncClient(transport=transport, base_url=by) as client:
            yield client, services


@pytest.mark.parametrize("place", PLACES[:2])
async def test_the_resource_says_who_gives_tokens_for_it(
    place: str, stranger: httpx2.AsyncClient, owner: User
) -> None:
    assert (await stranger.get(place)).json() == {
        "resource": RESOURCE,
        "authorization_servers": [ORIGIN],
        "scopes_supported": ["chat", "tools"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Parlor",
    }


async def test_the_server_says_what_it_can(stranger: httpx2.AsyncClient, owner: User) -> None:
    assert (await stranger.get(PLACES[2])).json() == {
        "issuer": ORIGIN,
        "authorization_endpoint": f"{ORIGIN}/authorize",
        "token_endpoint": f"{ORIGIN}/oauth/token",
        "registration_endpoint": f"{ORIGIN}/oauth/register",
        "revocation_endpoint": f"{ORIGIN}/oauth/revoke",
        "scopes_supported": ["chat", "tools"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }


async def test_the_page_is_the_chat_apps_and_the_rest_is_no_page(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    page = await stranger.get("/authorize?client_id=x")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    for path in ("/oauth/token", "/oauth/x", "/.well-known/openid-configuration", "/oauth"):
        assert (await stranger.get(path)).headers["content-type"] == "application/json"


@pytest.mark.parametrize("public_url", [HOME, f"{HOME}/"])
@pytest.mark.parametrize("by", [ORIGIN, "http://parlor.lan", HOME])
async def test_o2_the_public_address_is_who_it_is_by_whatever_name_it_is_asked(
    public_url: str, by: str, settings: Settings
) -> None:
    async with reached(settings, public_url, by) as (client, _):
        for place in PLACES[:2]:
            found = (await client.get(place)).json()
            assert found["resource"] == f"{HOME}/mcp"
            assert found["authorization_servers"] == [HOME]
        assert (await client.get(PLACES[2])).json()["issuer"] == HOME
        challenge = (await client.post("/mcp")).headers["www-authenticate"]
        assert f'resource_metadata="{HOME}{PLACES[1]}"' in challenge


@pytest.mark.parametrize("public_url", [None, "http://parlor.lan"])
async def test_without_an_address_of_its_own_parlor_says_what_to_set(
    public_url: str | None, settings: Settings
) -> None:
    """E1: the Host header is anybody's word, so it makes nobody an issuer."""
    async with reached(settings, public_url, "http://parlor.lan") as (client, _):
        for place in PLACES:
            answer = await client.get(place)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert "PARLOR_PUBLIC_URL" in answer.json()["detail"]
        for path in ("register", "token", "revoke"):
            answer = await client.post(f"/oauth/{path}", json={"redirect_uris": [REDIRECT]})
            assert answer.status_code == 404
            assert "PARLOR_PUBLIC_URL" in answer.json()["error_description"]
        assert (await client.post("/mcp")).headers["www-authenticate"] == "Bearer"


async def test_o1_a_token_is_good_for_the_address_that_it_was_made_for(
    settings: Settings,
) -> None:
    async with reached(settings, None) as (client, services):
        await services.auth.add(USERNAME, PASSWORD, "Anna", role="owner", first=True)
        await sign_in(client, USERNAME)
        program = await Program(client, client).registers()
        pair = await program.tokens()
        assert await program.is_in(pair["access_token"])
    async with reached(settings, HOME) as (client, _):
        program.http = client
        assert not await program.is_in(pair["access_token"])
        assert (await program.refreshes(pair["refresh_token"])).json()["error"] == "invalid_target"
        answer = await program.refreshes(pair["refresh_token"], resource=None)
        assert answer.json()["error"] == "invalid_grant"


async def test_mcp_says_what_is_wrong_with_what_was_shown(
    program: Program, client: httpx2.AsyncClient
) -> None:
    """RFC 6750, 3.1: a program reads from it whether to ask its person again."""
    made = await client.post("/api/auth/keys", json={"name": "x", "scopes": ["read"]})
    shown = {"": 401, "parlor_app_made-up": 401, made.json()["secret"]: 403}
    challenges = []
    for token, status in shown.items():
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await program.http.post("/mcp", headers=headers)
        assert answer.status_code == status
        challenges.append(answer.headers["www-authenticate"])
    where = f'resource_metadata="{ORIGIN}{PLACES[1]}", scope="chat tools"'
    assert challenges == [
        f"Bearer {where}",
        f'Bearer error="invalid_token", {where}',
        f'Bearer error="insufficient_scope", {where}',
    ]
