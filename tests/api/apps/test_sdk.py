"""A client that nobody here wrote: the MCP SDK's own, over real HTTP, from the first 401 on.

The browser is played by the owner's session: it looks, and says yes.
"""

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

# What the endpoint loads in a thread; it would be most of the first test's time.
import backend.mcp_endpoint.protocol  # noqa: F401
from backend.auth.app_clients import fetch_with
from backend.auth.people import User
from backend.auth.programs import build_programs
from backend.container import Services
from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from tests.api.apps.documents import elsewhere, notebook
from tests.api.conftest import sign_in
from tests.api.serving import serving, with_services
from tests.conftest import USERNAME

REDIRECT = "http://localhost:3030/callback"
DOCUMENT = "https://notebook.example/mcp/client.json"


@dataclass
class Person:
    """Their browser, and what the program keeps."""

    browser: httpx2.AsyncClient
    says_yes: bool = True
    seen: list[dict[str, object]] = field(default_factory=list)
    back: dict[str, list[str]] = field(default_factory=dict)
    pretended_issuer: str | None = ""
    """Instead of the real one, unless it is ""."""
    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def opens(self, url: str) -> None:
        page = urlsplit(url)
        assert page.path == "/authorize"
        look = await self.browser.post("/api/auth/apps/look", json={"query": page.query})
        assert look.status_code == 200, look.text
        self.seen.append(look.json())
        decision = {"request": look.json()["request"], "allow": self.says_yes}
        decided = await self.browser.post("/api/auth/apps/decide", json=decision)
        redirect = decided.json()["redirect"]
        assert redirect.startswith(REDIRECT + "?")
        self.back = parse_qs(urlsplit(redirect).query)

    async def comes_back(self) -> AuthorizationCodeResult:
        if "error" in self.back:
            raise OAuthFlowError(self.back["error"][0])
        (code,), (state,), (issuer,) = (self.back[name] for name in ("code", "state", "iss"))
        if self.pretended_issuer != "":
            issuer = self.pretended_issuer  # type: ignore[assignment]  # or none at all
        return AuthorizationCodeResult(code=code, state=state, iss=issuer)

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def provider(address: str, person: Person, document: str | None = None) -> OAuthClientProvider:
    return OAuthClientProvider(
        f"{address}/mcp",
        OAuthClientMetadata.model_validate(
            {"client_name": "SDK", "redirect_uris": [REDIRECT], "application_type": "native"}
        ),
        person,
        redirect_handler=person.opens,
        callback_handler=person.comes_back,
        client_metadata_url=document,
    )


@asynccontextmanager
async def connected(address: str, auth: OAuthClientProvider) -> AsyncGenerator[Client]:
    async with httpx2.AsyncClient(auth=auth, timeout=5) as http:
        transport = streamable_http_client(f"{address}/mcp", http_client=http)
        async with Client(transport, cache=None) as client:
            yield client


@pytest.fixture
async def person(live_client: httpx2.AsyncClient) -> Person:
    return Person(live_client)


async def tools(address: str, person: Person, document: str | None = None) -> set[str]:
    async with connected(address, provider(address, person, document)) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


def fails(words: str) -> AbstractContextManager[object]:
    """Whatever it is wrapped in on its way."""
    reason = pytest.RaisesExc(OAuthFlowError, match=words)
    return pytest.RaisesGroup(reason, allow_unwrapped=True, flatten_subgroups=True)


async def test_the_sdk_goes_from_401_to_a_call_by_one_click(server: str, person: Person) -> None:
    assert "chat.completions" in await tools(server, person)
    (seen,) = person.seen
    assert seen["client"] == {
        "name": "SDK",
        "uri": None,
        "redirect_host": "localhost:3030",
        "on_device": True,
        "known": False,
        "vouched_by": None,
    }
    assert seen["scopes"] == ["chat", "tools"]
    assert person.client is not None
    assert person.client.client_secret is None


async def test_the_sdk_comes_again_without_a_click(server: str, person: Person) -> None:
    await tools(server, person)
    first = person.tokens
    await tools(server, person)
    assert (person.tokens, len(person.seen)) == (first, 1)


async def test_the_sdk_refreshes_what_has_run_out(server: str, person: Person) -> None:
    auth = provider(server, person)
    async with connected(server, auth) as client:
        await client.list_tools()
        first = person.tokens
        auth.context.token_expiry_time = 1
        await client.list_tools()
    assert len(person.seen) == 1
    assert first is not None
    assert person.tokens is not None
    assert person.tokens.access_token != first.access_token
    assert person.tokens.refresh_token != first.refresh_token


async def test_the_sdk_asks_the_person_again_when_it_was_cut_off(
    server: str, person: Person
) -> None:
    async with connected(server, provider(server, person)) as client:
        await client.list_tools()
        (app,) = (await person.browser.get("/api/auth/apps")).json()["items"]
        assert (await person.browser.delete(f"/api/auth/apps/{app['id']}")).status_code == 204
        await client.list_tools()
    assert len(person.seen) == 2


async def test_a_no_leaves_the_sdk_outside(server: str, person: Person) -> None:
    person.says_yes = False
    with fails("access_denied"):
        await tools(server, person)
    assert person.tokens is None


async def test_o2_the_sdk_takes_no_answer_of_another_issuer(server: str, person: Person) -> None:
    """RFC 9207: our metadata says that answers name us, so one that does not is no answer."""
    for issuer in ("https://evil.example", None):
        person.pretended_issuer = issuer
        with fails("iss"):
            await tools(server, person)
        assert person.tokens is None


async def test_the_sdk_comes_with_a_document_instead_of_registering(
    app: FastAPI, services: Services, owner: User
) -> None:
    async with elsewhere(notebook(DOCUMENT, REDIRECT)) as site:
        outbound = Outbound(Openings.of([site.place]))
        programs = build_programs(
            services.database,
            services.clock,
            site.instead_of(fetch_with(outbound)),
            on_ending=services.auth.forget,
        )
        theirs = dataclasses.replace(services, programs=programs)
        async with (
            serving(with_services(app, theirs)) as address,
            httpx2.AsyncClient(base_url=address, timeout=5) as browser,
        ):
            await sign_in(browser, USERNAME)
            person = Person(browser)
            assert "chat.completions" in await tools(address, person, DOCUMENT)
        await outbound.aclose()
    assert person.client is not None
    assert person.client.client_id == DOCUMENT
    assert person.seen[0]["client"] == {
        "name": "Notebook",
        "uri": "https://notebook.example/",
        "redirect_host": "localhost:3030",
        "on_device": True,
        "known": False,
        "vouched_by": "notebook.example",
    }
