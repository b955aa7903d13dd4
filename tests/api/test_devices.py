"""Displays over HTTP: paired by a code, known by a token of their own, gone when taken away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from backend.auth.callers import hash_of
from backend.auth.people import User
from backend.container import Services, open_services
from backend.providers.shipped import Providers
from backend.settings import Settings
from tests.api.asking import refused, say, stored, until
from tests.api.conftest import Newcomer
from tests.api.test_live import listening
from tests.conftest import HASHER
from tests.fakes.scripted import ScriptedProvider, text


async def opened(display: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await display.post(
        "/api/devices/pairings", json={}, headers={"user-agent": "Echo Show"}
    )
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def claim(
    display: httpx2.AsyncClient, pairing: dict[str, Any], **more: Any
) -> httpx2.Response:
    body = {"secret": pairing["secret"], **more}
    return await display.post("/api/devices/pairings/claim", json=body)


async def approve(
    person: httpx2.AsyncClient, pairing: dict[str, Any], name: str = "Kitchen"
) -> dict[str, Any]:
    body = {"code": pairing["code"], "name": name}
    answer = await person.post("/api/devices/pairings/approve", json=body)
    assert answer.status_code == 201, answer.text
    device: dict[str, Any] = answer.json()["device"]
    return device


@asynccontextmanager
async def wall(
    server: str, client: httpx2.AsyncClient, name: str = "Kitchen"
) -> AsyncGenerator[tuple[str, httpx2.AsyncClient]]:
    """(id, client) of a paired display at the real server."""
    async with httpx2.AsyncClient(base_url=server, timeout=5) as display:
        pairing = await opened(display)
        device = await approve(client, pairing, name)
        assert (await claim(display, pairing)).status_code == 200
        yield device["id"], display


async def test_a_display_is_paired_and_keeps_a_cookie_that_no_script_reads(
    newcomer: Newcomer, client: httpx2.AsyncClient
) -> None:
    display = await newcomer()
    pairing = await opened(display)
    assert set(pairing) == {"code", "secret", "qr", "url", "expires_at", "interval"}
    assert pairing["url"] == f"http://127.0.0.1:8000/pair#code={pairing['code']}"
    assert pairing["interval"] == 2
    waits = await claim(display, pairing)
    assert (waits.status_code, waits.json()) == (202, {"state": "waiting"})
    look = await client.post("/api/devices/pairings/look", json={"code": pairing["code"]})
    seen = look.json()
    assert (seen["code"], seen["user_agent"], seen["address"]) == (
        pairing["code"],
        "Echo Show",
        "127.0.0.1",
    )
    device = await approve(client, pairing, " Kitchen ")
    assert device["name"] == "Kitchen"
    done = await claim(display, pairing)
    assert (done.status_code, done.json()) == (200, {"device": device})
    cookie = done.headers["set-cookie"]
    assert cookie.startswith("parlor-wall=parlor_wall_")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await display.get("/api/devices/me")).json() == device
    refused(await claim(display, pairing), 410, "pairing_expired")


async def test_a_display_without_cookies_is_given_the_token(
    newcomer: Newcomer, client: httpx2.AsyncClient, services: Services
) -> None:
    display = await newcomer()
    pairing = await opened(display)
    device = await approve(client, pairing)
    done = await claim(display, pairing, token=True)
    assert "set-cookie" not in done.headers
    token = done.json()["token"]
    assert done.json()["device"] == device
    bearer = {"authorization": f"Bearer {token}"}
    assert (await display.get("/api/devices/me", headers=bearer)).json() == device
    rows = (await stored(services))["devices"]
    assert hash_of(token) in rows[0]
    assert token not in str(rows)


async def test_the_qr_code_is_a_square_of_ones_and_zeros_with_its_three_corners(
    newcomer: Newcomer, owner: User
) -> None:
    rows = (await opened(await newcomer()))["qr"]
    assert {len(row) for row in rows} == {len(rows)}
    assert len(rows) >= 25  # an address does not fit into less
    assert set("".join(rows)) == {"0", "1"}
    corner = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    assert [row[:7] for row in rows[:7]] == corner
    assert [row[-7:] for row in rows[:7]] == corner
    assert [row[:7] for row in rows[-7:]] == corner


async def test_the_address_in_the_qr_code_is_the_public_one_where_there_is_one(
    settings: Settings, services: Services, newcomer: Newcomer, owner: User
) -> None:
    edge = settings.edge.model_validate({"public_url": "https://home.example.org"})
    object.__setattr__(services, "settings", settings.model_copy(update={"edge": edge}))
    pairing = await opened(await newcomer())
    assert pairing["url"] == f"https://home.example.org/pair#code={pairing['code']}"


async def test_a_display_reaches_itself_and_its_news_and_nothing_else(
    server: str, client: httpx2.AsyncClient, services: Services
) -> None:
    async with wall(server, client) as (device_id, display):
        before = await stored(services)
        for method, path in (
            ("GET", "/api/auth/me"),
            ("GET", "/api/conversations"),
            ("GET", "/api/models"),
            ("GET", "/api/devices"),
            ("DELETE", f"/api/devices/{device_id}"),
            ("GET", "/api/people"),
            ("GET", "/api/audit"),
            ("POST", "/api/auth/keys"),
        ):
            body = {"name": "x", "scopes": ["chat"]} if path.endswith("keys") else None
            refused(await display.request(method, path, json=body), 403, "forbidden")
        refused(await say(display, "Hello"), 403, "forbidden")
        assert await stored(services) == before


async def test_a_person_is_no_display(client: httpx2.AsyncClient) -> None:
    refused(await client.get("/api/devices/me"), 403, "forbidden")


async def test_a_display_hears_of_itself_and_never_of_a_person(
    server: str,
    client: httpx2.AsyncClient,
    services: Services,
    provider: ScriptedProvider,
) -> None:
    async with (
        wall(server, client) as (device_id, display),
        wall(server, client, "Hall") as (_, other),
        listening(display) as news,
        listening(other) as others,
    ):
        await until(lambda: services.hub.subscriber_count == 2)
        provider.says(text("Hi"))
        await say(client, "a secret")
        path = f"/api/devices/{device_id}"
        answer = await client.patch(path, json={"name": "Cellar"})
        assert answer.json() == {"id": device_id, "name": "Cellar"}
        assert await news.event() == {"type": "device.changed", "name": "Cellar"}
        assert (await display.get("/api/devices/me")).json()["name"] == "Cellar"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await others.block()


async def test_the_list_shows_who_listens(
    server: str, client: httpx2.AsyncClient, services: Services
) -> None:
    async with wall(server, client) as (device_id, display):
        async with listening(display):
            [item] = (await client.get("/api/devices")).json()["items"]
            assert item.pop("created_at") <= item.pop("last_seen_at")
            assert item == {
                "id": device_id,
                "name": "Kitchen",
                "user_agent": "Echo Show",
                "address": "127.0.0.1",
                "approved_by": "anna",
                "online": True,
            }
        await until(lambda: len(services.streams) == 0)
        [item] = (await client.get("/api/devices")).json()["items"]
        assert not item["online"]


async def test_a_display_taken_away_is_cut_off_at_once(
    server: str, client: httpx2.AsyncClient
) -> None:
    async with (
        wall(server, client) as (device_id, display),
        wall(server, client, "Hall") as (other_id, other),
        listening(display) as news,
        listening(other) as others,
    ):
        assert (await client.delete(f"/api/devices/{device_id}")).status_code == 204
        assert await news.is_over()
        refused(await display.get("/api/devices/me"), 401, "not_signed_in")
        refused(await display.get("/api/events"), 401, "not_signed_in")
        await client.patch(f"/api/devices/{other_id}", json={"name": "Cellar"})
        assert (await others.event())["name"] == "Cellar"
    refused(await client.delete(f"/api/devices/{device_id}"), 404, "not_found")


async def test_a_display_taken_away_at_another_process_is_cut_off_within_five_seconds(
    server: str,
    client: httpx2.AsyncClient,
    settings: Settings,
    provider: ScriptedProvider,
    owner: User,
) -> None:
    async with (
        wall(server, client) as (device_id, display),
        listening(display) as news,
        open_services(settings, providers=Providers([provider]), hasher=HASHER) as other,
    ):
        await other.database.write(
            lambda c: c.execute("DELETE FROM devices WHERE id = ?", (device_id,))
        )
        async with asyncio.timeout(5):
            assert await news.is_over()
            while (await display.get("/api/devices/me")).status_code == 200:  # noqa: ASYNC110  # remembered for a moment
                await asyncio.sleep(0.05)
        refused(await display.get("/api/events"), 401, "not_signed_in")


async def test_a_child_neither_pairs_nor_sees_displays(
    newcomer: Newcomer, client: httpx2.AsyncClient, services: Services, bob: httpx2.AsyncClient
) -> None:
    people = (await client.get("/api/people")).json()["items"]
    bobs = next(one["id"] for one in people if one["username"] == "bob")
    pairing = await opened(await newcomer())
    look = {"code": pairing["code"]}
    assert (await bob.post("/api/devices/pairings/look", json=look)).status_code == 200
    await client.patch(f"/api/people/{bobs}", json={"role": "child"})
    before = await stored(services)
    refused(await bob.get("/api/devices"), 403, "forbidden")
    refused(await bob.post("/api/devices/pairings/look", json=look), 403, "forbidden")
    body = {**look, "name": "Kitchen"}
    refused(await bob.post("/api/devices/pairings/approve", json=body), 403, "forbidden")
    assert await stored(services) == before


async def test_a_foreign_page_opens_no_pairing(newcomer: Newcomer, services: Services) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    display = await newcomer()
    for path, body in (("", {}), ("/claim", {"secret": "x"})):
        answer = await display.post(f"/api/devices/pairings{path}", json=body, headers=foreign)
        refused(answer, 403, "cross_site")
    assert (await stored(services))["pairings"] == []


async def test_the_sixth_pairing_of_one_address_has_to_wait(
    newcomer: Newcomer, owner: User
) -> None:
    display = await newcomer()
    for _ in range(5):
        await opened(display)
    answer = await display.post("/api/devices/pairings", json={})
    refused(answer, 429, "too_many_pairings")
    assert answer.headers["retry-after"] == "600"


async def test_guessing_codes_ends_after_ten_tries(
    newcomer: Newcomer, client: httpx2.AsyncClient
) -> None:
    pairing = await opened(await newcomer())
    wrong = {"code": f"{(int(pairing['code']) + 1) % 1_000_000:06}"}
    for _ in range(10):
        answer = await client.post("/api/devices/pairings/look", json=wrong)
        refused(answer, 404, "pairing_unknown")
    body = {"code": pairing["code"], "name": "Kitchen"}
    answer = await client.post("/api/devices/pairings/approve", json=body)
    refused(answer, 429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) > 800


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"extra": 1}),
        ("/claim", {}),
        ("/claim", {"secret": ""}),
        ("/claim", {"secret": "x", "token": "perhaps"}),
        ("/look", {"code": "12345"}),
        ("/look", {"code": "12345a"}),
        ("/look", {"code": "١٢٣٤٥٦"}),
        ("/look", {"code": 123456}),
        ("/approve", {"code": "123456"}),
        ("/approve", {"code": "123456", "name": "  "}),
        ("/approve", {"code": "123456", "name": "x" * 61}),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    client: httpx2.AsyncClient, services: Services, path: str, body: dict[str, Any]
) -> None:
    before = await stored(services)
    answer = await client.post(f"/api/devices/pairings{path}", json=body)
    refused(answer, 422, "invalid_input")
    assert await stored(services) == before
