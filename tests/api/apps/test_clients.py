"""Programs that make themselves known: what they may say of themselves, and how many there may be."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from backend.auth.app_client import NAMELESS, ClientMetadata, is_document_address, shown_name
from backend.auth.app_client_store import IDLE_LIFE, UNUSED_LIFE, AppClientStore
from backend.auth.app_clients import AppClients, AppRequestError, fetch_with
from backend.auth.app_limits import AppLimits
from backend.auth.limiter import TooManyAttemptsError
from backend.auth.people import Origin, User
from backend.auth.programs import build_programs
from backend.container import Services
from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from tests.api.apps.documents import elsewhere, notebook
from tests.api.apps.program import REDIRECT
from tests.api.asking import stored
from tests.fakes.clock import StillClock
from tests.fakes.site import Reply

DOCUMENT = "https://notebook.example/mcp/client.json"


async def register(http: httpx2.AsyncClient, **metadata: Any) -> httpx2.Response:
    return await http.post("/oauth/register", json={"redirect_uris": [REDIRECT], **metadata})


async def test_a_program_gets_a_name_and_no_secret(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    answer = await register(
        stranger,
        client_name="Notebook",
        token_endpoint_auth_method="client_secret_basic",
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        logo_uri="https://notebook.example/logo.png",
        jwks={"keys": []},
    )
    assert answer.status_code == 201
    found = answer.json()
    assert found.pop("client_id").startswith("client_")
    assert found.pop("client_id_issued_at") > 0
    assert found == {
        "client_name": "Notebook",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "chat tools",
    }


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "http://notebook.example/back"])
async def test_o5_a_program_names_no_address_that_a_page_of_ours_must_not_go_to(
    uri: str, stranger: httpx2.AsyncClient, services: Services, owner: User
) -> None:
    """All that is unfit: tests/auth/test_app_requests.py."""
    before = await stored(services)
    answer = await register(stranger, redirect_uris=[REDIRECT, uri])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    assert await stored(services) == before


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": []},
        {"redirect_uris": None},
        {"redirect_uris": REDIRECT},
        {"redirect_uris": [f"https://notebook.example/{n}" for n in range(11)]},
        {"client_name": "x" * 1001},
        {"client_name": {"en": "x"}},
        {"client_uri": "https://notebook.example/" + "x" * 1000},
        {"response_types": ["token"]},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["x"] * 21},
    ],
)
async def test_a_registration_beyond_reason_is_refused(
    metadata: dict[str, Any], stranger: httpx2.AsyncClient, services: Services, owner: User
) -> None:
    before = await stored(services)
    answer = await register(stranger, **metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert await stored(services) == before


async def test_an_oversized_registration_is_not_read_to_its_end(
    stranger: httpx2.AsyncClient, services: Services, owner: User
) -> None:
    before = await stored(services)
    answer = await register(stranger, software_statement="x" * 30_000)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")

    async def without_a_length() -> AsyncIterator[bytes]:
        yield b'{"redirect_uris": ["https://notebook.example/"], "software_statement": "'
        yield b"x" * 30_000
        yield b'"}'

    headers = {"content-type": "application/json"}
    answer = await stranger.post("/oauth/register", content=without_a_length(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    assert await stored(services) == before


async def test_registrations_from_one_place_are_counted(
    stranger: httpx2.AsyncClient, owner: User
) -> None:
    statuses = [(await register(stranger)).status_code for _ in range(21)]
    assert statuses == [201] * 20 + [429]


async def test_programs_that_nobody_lets_in_are_forgotten(
    services: Services, clock: StillClock, owner: User
) -> None:
    store = AppClientStore(services.database, clock)
    programs = build_programs(
        services.database, clock, fetch_with(services.outbound), on_ending=lambda: None
    )
    used, unused = [await program(programs.clients) for _ in range(2)]
    await services.database.write(
        lambda c: c.execute("UPDATE app_clients SET allowed_at = created_at WHERE id = ?", (used,))
    )
    clock.forward(seconds=(UNUSED_LIFE - timedelta(seconds=1)).total_seconds())
    await programs.apps.prune()
    assert await store.find(unused) is not None
    clock.forward(seconds=1)
    await programs.apps.prune()
    assert await store.find(unused) is None
    assert await store.find(used) is not None
    clock.forward(seconds=IDLE_LIFE.total_seconds())
    await programs.apps.prune()
    assert await store.find(used) is None


async def test_a_flood_of_registrations_is_bounded_and_keeps_who_was_let_in(
    services: Services, clock: StillClock, owner: User
) -> None:
    """From as many addresses as somebody has, hour after hour."""
    clients = AppClients(
        AppClientStore(services.database, clock), AppLimits(clock), fetch_with(services.outbound)
    )
    used = await program(clients)
    allow = "UPDATE app_clients SET allowed_at = created_at"
    await services.database.write(lambda c: c.execute(allow))
    refused = 0
    for number in range(600):
        if number % 150 == 0:
            clock.forward(seconds=1200)
        try:
            await program(clients, Origin(f"198.18.{number % 250}.{number}", ""))
        except TooManyAttemptsError:
            refused += 1
    count = await services.database.read(
        lambda c: c.execute("SELECT count(*) FROM app_clients").fetchone()[0]
    )
    assert refused > 200
    assert count <= 201
    assert (await clients.find(used)).id == used


async def program(clients: AppClients, origin: Origin | None = None) -> str:
    metadata = ClientMetadata(redirect_uris=[REDIRECT])
    return (await clients.register(metadata, origin or Origin("198.51.100.7", ""))).id


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [
        ("Notebook", "Notebook"),
        ("  Note\t\n book ", "Note book"),
        ("\u202eneddih\u2066\u200b", "neddih"),
        ("\ufeff\u200d\u2060", NAMELESS),
        ("", NAMELESS),
        ("x" * 500, "x" * 80),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("家族", "家族"),
    ],
)
def test_a_name_shows_what_it_is(claimed: str, shown: str) -> None:
    """It is shown as text, so markup is just odd."""
    assert shown_name(claimed) == shown


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        (DOCUMENT, True),
        ("https://notebook.example:8443/c?v=1", True),
        ("https://notebook.example/", False),
        ("https://notebook.example", False),
        ("http://notebook.example/c", False),
        ("https://notebook.example/c#x", False),
        ("https://me@notebook.example/c", False),
        ("https://notebook.example/a/../c", False),
        ("https://notebook.example/a/%2e%2E/c", False),
        ("https://notebook.example/./c", False),
        ("https://notebook.example\\c/d", False),
        ("https://Notebook.example/c", False),
        ("https://127.0.0.1/c", False),
        ("https://[::1]/c", False),
        ("https://localhost/c", False),
        ("https://2130706433/c", False),
        ("https://notebook.example./c", False),
        ("https://notebook.example/c d", False),
        ("https://notebook.example/" + "c" * 500, False),
    ],
)
def test_s2_only_plain_public_addresses_are_names_of_programs(address: str, is_one: bool) -> None:
    assert is_document_address(address) is is_one


BAD: dict[str, Any] = {
    "of another": notebook("https://elsewhere.example/client.json", REDIRECT),
    "of nobody": {**notebook(DOCUMENT, REDIRECT), "client_id": None},
    "with a secret": notebook(DOCUMENT, REDIRECT, client_secret="x"),
    "that wants a secret": notebook(
        DOCUMENT, REDIRECT, token_endpoint_auth_method="client_secret_post"
    ),
    "with a bad redirect": notebook(DOCUMENT, "javascript:alert(1)"),
    "without redirects": notebook(DOCUMENT),
    "with numbers for words": notebook(DOCUMENT, REDIRECT, client_name=7),
    "a list": [notebook(DOCUMENT, REDIRECT)],
    "no JSON": Reply(body=b"<html>"),
    "too deep": Reply(body=b"[" * 15_000),
    "too large": notebook(DOCUMENT, REDIRECT, padding="x" * 30_000),
    "missing": Reply(404, b"{}"),
    "moved": Reply(302, b"", {"Location": "/other"}),
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD.keys())
async def test_a_document_that_does_not_stand_for_its_address_is_refused(
    document: Any, services: Services, clock: StillClock, owner: User
) -> None:
    async with elsewhere(document) as site:
        outbound = Outbound(Openings.of([site.place]))
        clients = AppClients(
            AppClientStore(services.database, clock),
            AppLimits(clock),
            site.instead_of(fetch_with(outbound)),
        )
        with pytest.raises(AppRequestError) as caught:
            await clients.find(DOCUMENT)
        await outbound.aclose()
    assert caught.value.detail.startswith("The program's own description could not be read")
    assert len(site.asked) == 1
    assert "cookie" not in site.asked[0].headers


async def test_s3_what_is_inside_the_house_is_not_told_from_what_is_nowhere(
    services: Services, clock: StillClock, owner: User
) -> None:
    words = set()
    for answer in (["127.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["169.254.169.254"], []):

        async def resolver(_: str, __: int, answer: list[str] = answer) -> list[str]:
            return answer

        outbound = Outbound(resolver=resolver)
        clients = AppClients(
            AppClientStore(services.database, clock), AppLimits(clock), fetch_with(outbound)
        )
        with pytest.raises(AppRequestError) as caught:
            await clients.find(DOCUMENT)
        words.add(caught.value.detail)
        await outbound.aclose()
    assert len(words) == 1
