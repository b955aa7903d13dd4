"""People over HTTP: what the owner sets holds at once, for requests and for open streams."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest

from backend.auth.people import User
from backend.container import Services, open_services
from backend.providers.base import TextDelta
from backend.providers.shipped import Providers
from backend.settings import Settings
from tests.api.asking import Reader, refused, say, stored, until
from tests.api.conftest import Newcomer, sign_in
from tests.api.test_live import listening
from tests.conftest import HASHER, PASSWORD
from tests.fakes.scripted import ScriptedProvider, text


@pytest.fixture
async def mia(services: Services, owner: User) -> User:
    return await services.auth.add("mia", PASSWORD, "Mia", role="child")


@pytest.fixture
async def mias(mia: User, newcomer: Newcomer) -> httpx2.AsyncClient:
    """Her client, in this process."""
    client = await newcomer()
    await sign_in(client, "mia")
    return client


@asynccontextmanager
async def phone(server: str, name: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client at the real server."""
    async with httpx2.AsyncClient(base_url=server, timeout=5) as client:
        await sign_in(client, name)
        yield client


async def shown(client: httpx2.AsyncClient, person: User) -> dict[str, Any]:
    people = (await client.get("/api/people")).json()["items"]
    return next(one for one in people if one["id"] == person.id)


# --- the list and changes ------------------------------------------------------------------------


async def test_the_owner_sees_everybody(
    client: httpx2.AsyncClient, mia: User, provider: ScriptedProvider, mias: httpx2.AsyncClient
) -> None:
    provider.says(text("Hi", cost=0.25))
    await say(mias, "Hello")
    people = (await client.get("/api/people")).json()["items"]
    assert [one["username"] for one in people] == ["anna", "mia"]
    seen = people[1]
    assert seen.pop("created_at") <= seen.pop("last_seen_at")
    assert seen == {
        "id": mia.id,
        "username": "mia",
        "display_name": "Mia",
        "email": None,
        "role": "child",
        "limits": dict.fromkeys(
            ("models", "tools", "hours", "dollars_a_day", "products", "agents")
        ),
        "disabled": False,
        "spent_today": 0.25,
        "second_factor": False,
    }


async def test_a_change_is_answered_as_the_list_shows_it(
    client: httpx2.AsyncClient, mia: User
) -> None:
    change = {
        "display_name": "Mia M.",
        "email": "mia@example.org",
        "role": "adult",
        "limits": {"models": ["second"], "hours": [{"start": "15:00", "end": "18:00"}]},
    }
    answer = await client.patch(f"/api/people/{mia.id}", json=change)
    assert answer.status_code == 200, answer.text
    assert answer.json() == await shown(client, mia)
    limits = answer.json()["limits"]
    assert limits["models"] == ["second"]
    assert limits["tools"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"role": "owner"},
        {"limits": {"models": "all"}},
        {"limits": {"hours": [{"start": "15:00"}]}},
        {"limits": {"dollars_a_day": -0.01}},
        {"limits": {"dollars_a_day": "1e999"}},
        {"limits": {"models": ["x"] * 201}},
        {"display_name": "x" * 101},
        {"email": "nobody"},
        {"disabled": "perhaps"},
        {"username": "other"},
        {"password": "correct horse"},
        [],
        None,
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(
    client: httpx2.AsyncClient, mia: User, services: Services, change: object
) -> None:
    before = await stored(services)
    refused(await client.patch(f"/api/people/{mia.id}", json=change), 422, "invalid_input")
    assert await stored(services) == before


async def test_nobody_but_the_owner_manages_people(
    bob: httpx2.AsyncClient, mia: User, services: Services
) -> None:
    before = await stored(services)
    path = f"/api/people/{mia.id}"
    for answer in (
        await bob.get("/api/people"),
        await bob.patch(path, json={"disabled": True}),
        await bob.post(f"{path}/reset", json={"password": "a new password"}),
        await bob.delete(path),
    ):
        refused(answer, 403, "forbidden")
    assert await stored(services) == before


async def test_the_last_owner_cannot_lock_everybody_out(
    client: httpx2.AsyncClient, owner: User, services: Services
) -> None:
    before = await stored(services)
    path = f"/api/people/{owner.id}"
    refused(await client.patch(path, json={"disabled": True}), 409, "last_owner")
    refused(await client.patch(path, json={"role": "adult"}), 409, "last_owner")
    refused(await client.delete(path), 409, "last_owner")
    refused(await client.post(f"{path}/reset", json={"password": "a new one"}), 403, "forbidden")
    assert await stored(services) == before


async def test_somebody_who_is_not_there_is_not_found(client: httpx2.AsyncClient) -> None:
    path = "/api/people/user_none"
    refused(await client.patch(path, json={"disabled": True}), 404, "not_found")
    refused(await client.post(f"{path}/reset", json={"password": "a new one"}), 404, "not_found")
    refused(await client.delete(path), 404, "not_found")


# --- what it does at once ------------------------------------------------------------------------


async def test_a_limit_holds_from_the_next_request_on(
    client: httpx2.AsyncClient, mia: User, mias: httpx2.AsyncClient, services: Services
) -> None:
    assert (await mias.get("/api/auth/me")).json()["default_model"] == "scripted:model"
    limits = {"dollars_a_day": 0, "models": ["*:second"]}
    await client.patch(f"/api/people/{mia.id}", json={"limits": limits})
    before = await stored(services)
    words = refused(await say(mias, "Hello"), 403, "daily_budget_reached")
    assert "allowance" in words
    refused(await say(mias, "Hello", model="scripted:model"), 403, "model_not_allowed")
    office = {"metadata": {"product_id": "office"}}
    assert (await mias.post("/api/conversations", json=office)).json()["metadata"] == {
        "product_id": "office",
        "agent_id": None,
    }
    models = (await mias.get("/api/models")).json()
    assert [one["id"] for one in models["data"]] == ["scripted:second"]
    assert models["default_model"] == "scripted:second"
    assert (await mias.get("/api/auth/me")).json()["default_model"] == "scripted:second"
    now = await stored(services)
    assert (now["turns"], now["messages"]) == (before["turns"], before["messages"])


async def test_metadata_of_a_new_conversation_is_kept_and_checked(
    client: httpx2.AsyncClient, mia: User, mias: httpx2.AsyncClient, provider: ScriptedProvider
) -> None:
    limits = {"products": ["home"]}
    await client.patch(f"/api/people/{mia.id}", json={"limits": limits})
    answer = await say(mias, "Hello", metadata={"product_id": "office"})
    refused(answer, 403, "product_not_allowed")
    refused(await say(mias, "Hello", metadata={"product": "home"}), 422, "invalid_input")
    refused(await say(mias, "Hello", metadata={"product_id": "x" * 201}), 422, "invalid_input")
    provider.says(text("Hi"))
    sent = await say(mias, "Hello", metadata={"product_id": "home"})
    path = f"/api/conversations/{sent.headers['x-conversation-id']}"
    assert (await mias.get(path)).json()["metadata"]["product_id"] == "home"
    change = {"metadata": {"product_id": "office"}}
    refused(await mias.patch(path, json=change), 403, "product_not_allowed")


async def test_whoever_is_disabled_is_out_at_once_and_hears_nothing_more(
    server: str,
    client: httpx2.AsyncClient,
    mia: User,
    provider: ScriptedProvider,
    services: Services,
) -> None:
    """Their answer goes on to its end: closing a stream is not Stop."""
    go_on = asyncio.Event()
    provider.says([TextDelta("one"), go_on, *text("two")])
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    async with AsyncExitStack() as stack:
        mias = await stack.enter_async_context(phone(server, "mia"))
        annas = await stack.enter_async_context(phone(server, "anna"))
        others = await stack.enter_async_context(listening(annas))
        news = await stack.enter_async_context(listening(mias))
        answer = await stack.enter_async_context(mias.stream("POST", "/api/chat/stream", json=body))
        turn = Reader(answer)
        await turn.event("text.delta")
        await news.event("conversation.changed")
        changed = await client.patch(f"/api/people/{mia.id}", json={"disabled": True})
        assert changed.json()["disabled"]
        refused(await mias.get("/api/auth/me"), 401, "not_signed_in")
        assert await turn.is_over()
        assert await news.is_over()
        assert services.turns.running_count == 1
        go_on.set()
        await until(lambda: services.turns.running_count == 0)
        made = await annas.post("/api/conversations", json={"title": "still here"})
        assert (await others.event())["conversation"]["id"] == made.json()["id"]
    turns = (await stored(services))["turns"]
    assert "completed" in turns[0]


async def test_a_reset_signs_out_and_the_new_password_signs_in(
    client: httpx2.AsyncClient, mia: User, mias: httpx2.AsyncClient
) -> None:
    path = f"/api/people/{mia.id}/reset"
    refused(await client.post(path, json={"password": "short"}), 422, "weak_password")
    assert (await mias.get("/api/auth/me")).status_code == 200
    assert (await client.post(path, json={"password": "a new password"})).status_code == 204
    refused(await mias.get("/api/auth/me"), 401, "not_signed_in")
    await sign_in(mias, "mia", "a new password")


async def test_whoever_is_deleted_is_gone_with_their_answers(
    server: str,
    client: httpx2.AsyncClient,
    mia: User,
    provider: ScriptedProvider,
    services: Services,
) -> None:
    provider.says([TextDelta("one"), asyncio.Event()])
    body = {"messages": [{"role": "user", "content": "a secret"}]}
    async with (
        phone(server, "mia") as mias,
        mias.stream("POST", "/api/chat/stream", json=body) as answer,
    ):
        await Reader(answer).event("text.delta")
        assert (await client.delete(f"/api/people/{mia.id}")).status_code == 204
        assert services.turns.running_count == 0
        await provider.is_idle()
        refused(await mias.get("/api/conversations"), 401, "not_signed_in")
    left = await stored(services)
    assert (left["conversations"], left["messages"], left["turns"]) == ([], [], [])
    assert [one["username"] for one in (await client.get("/api/people")).json()["items"]] == [
        "anna"
    ]


# --- open streams --------------------------------------------------------------------------------


async def test_a_person_has_so_many_streams_and_is_told_so_in_words(
    server: str, settings: Settings, owner: User, services: Services, provider: ScriptedProvider
) -> None:
    most = settings.edge.streams_per_person
    assert most == 32
    async with AsyncExitStack() as stack:
        annas = await stack.enter_async_context(phone(server, "anna"))
        for _ in range(most - 1):
            await stack.enter_async_context(listening(annas))
        last = AsyncExitStack()
        await last.enter_async_context(listening(annas))
        before = await stored(services)
        words = refused(await annas.get("/api/events"), 429, "too_many_streams")
        assert "32" in words
        refused(await say(annas, "Hello"), 429, "too_many_streams")
        assert await stored(services) == before
        await last.aclose()
        await until(lambda: len(services.streams) == most - 1)
        provider.says(text("Hi"))
        assert "Hi" in (await say(annas, "Hello")).text
        await until(lambda: len(services.streams) == most - 1)


async def test_a_session_that_ends_closes_its_streams_and_no_others(
    server: str, owner: User, services: Services
) -> None:
    async with phone(server, "anna") as laptop, phone(server, "anna") as tablet:
        async with listening(laptop) as here, listening(tablet) as there:
            items = (await laptop.get("/api/auth/sessions")).json()["items"]
            other = next(one["id"] for one in items if not one["current"])
            assert (await laptop.delete(f"/api/auth/sessions/{other}")).status_code == 204
            assert await there.is_over()
            made = await laptop.post("/api/conversations", json={"title": "still here"})
            assert (await here.event())["conversation"]["id"] == made.json()["id"]
        refused(await tablet.get("/api/events"), 401, "not_signed_in")


async def test_what_another_process_ends_closes_within_five_seconds(
    server: str, owner: User, settings: Settings, provider: ScriptedProvider
) -> None:
    """As the old and the new release run side by side for a while."""
    async with (
        phone(server, "anna") as annas,
        listening(annas) as news,
        open_services(settings, providers=Providers([provider]), hasher=HASHER) as other,
    ):
        await other.auth.reset("anna", "a new password")
        assert await news.is_over()


async def test_a_stream_that_nobody_reads_is_closed_all_the_same(
    server: str, owner: User, mia: User, client: httpx2.AsyncClient, services: Services
) -> None:
    """Its connection is full, so that not even the last word fits in."""
    host, port = server.removeprefix("http://").split(":")
    async with phone(server, "mia") as mias:
        cookie = "; ".join(f"{name}={value}" for name, value in mias.cookies.items())
        _, writer = await asyncio.open_connection(host, int(port), limit=1000)
        writer.write(
            f"GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode()
        )
        await until(lambda: services.hub.subscriber_count == 1)
        [screen] = services.hub._topics[mia.id]
        while len(screen.frames) < 20:  # it is taken from there no more
            services.hub.publish(mia.id, {"word": "x" * 100_000}, "filler")
            await asyncio.sleep(0)
        await client.patch(f"/api/people/{mia.id}", json={"disabled": True})
        await until(lambda: len(services.streams) == 0)
        writer.transport.abort()
