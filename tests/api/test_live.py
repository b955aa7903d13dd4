"""Streams that stay open: news for all screens of a person, and signs of life."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2

from backend.container import Services
from backend.kit.sse import HEARTBEAT_SECONDS
from backend.kit.version import VERSION
from backend.providers.base import TextDelta
from tests.api.asking import Reader, say, until
from tests.fakes.scripted import ScriptedProvider, text


@asynccontextmanager
async def listening(client: httpx2.AsyncClient) -> AsyncGenerator[Reader]:
    """A screen that has been greeted."""
    async with client.stream("GET", "/api/events") as answer:
        reader = Reader(answer)
        assert await reader.event() == {"type": "hello", "version": VERSION}
        yield reader


async def test_all_screens_of_a_person_hear_what_happens_to_a_conversation(
    live_client: httpx2.AsyncClient, provider: ScriptedProvider, services: Services
) -> None:
    provider.says(text("hello"))
    async with AsyncExitStack() as stack:
        screens = [await stack.enter_async_context(listening(live_client)) for _ in range(2)]
        await until(lambda: services.hub.subscriber_count == 2)
        sent = await say(live_client, "a question")
        conversation, turn = sent.headers["x-conversation-id"], sent.headers["x-turn-id"]
        path = f"/api/conversations/{conversation}"
        await live_client.patch(path, json={"title": "renamed"})
        await live_client.delete(path)
        for screen in screens:
            began, ended, renamed = [
                (await screen.event("conversation.changed"))["conversation"] for _ in range(3)
            ]
            assert began["id"] == ended["id"] == renamed["id"] == conversation
            assert (began["title"], began["running_turn_id"]) == ("a question", turn)
            assert ended["running_turn_id"] is None
            assert (renamed["title"], renamed["title_source"]) == ("renamed", "person")
            assert await screen.event() == {
                "type": "conversation.deleted",
                "conversation_id": conversation,
            }


async def test_a_conversation_made_empty_and_a_deleted_message_are_told(
    live_client: httpx2.AsyncClient, provider: ScriptedProvider, services: Services
) -> None:
    provider.says(text("hello"))
    async with listening(live_client) as screen:
        await until(lambda: services.hub.subscriber_count == 1)
        made = (await live_client.post("/api/conversations", json={"title": "mine"})).json()
        assert (await screen.event())["conversation"]["id"] == made["id"]
        await say(live_client, "hello", conversation_id=made["id"])
        messages = (await live_client.get(f"/api/conversations/{made['id']}")).json()["messages"]
        path = f"/api/chat/session/{made['id']}/messages/{messages[1]['id']}"
        assert (await live_client.delete(path)).status_code == 204
        told = await screen.event("messages.changed")
        assert told["conversation_id"] == made["id"]


async def test_another_person_hears_nothing_of_it(
    server: str,
    live_client: httpx2.AsyncClient,
    bob: httpx2.AsyncClient,
    provider: ScriptedProvider,
    services: Services,
) -> None:
    provider.says(text("hello"))
    cookies = {"parlor": bob.cookies["parlor"]}
    async with (
        httpx2.AsyncClient(base_url=server, cookies=cookies, timeout=5) as bobs,
        listening(bobs) as screen,
    ):
        await until(lambda: services.hub.subscriber_count == 1)
        sent = await say(live_client, "a secret")
        await live_client.delete(f"/api/conversations/{sent.headers['x-conversation-id']}")
        own = (await bobs.post("/api/conversations", json={"title": "own"})).json()
        # The first thing he hears is his own.
        assert (await screen.event())["conversation"]["id"] == own["id"]


async def test_a_screen_that_goes_away_is_forgotten(
    live_client: httpx2.AsyncClient, services: Services
) -> None:
    async with listening(live_client), listening(live_client):
        await until(lambda: services.hub.subscriber_count == 2)
    await until(lambda: services.hub.subscriber_count == 0)


async def test_a_follower_that_goes_away_is_forgotten_and_the_answer_goes_on(
    live_client: httpx2.AsyncClient, provider: ScriptedProvider, services: Services
) -> None:
    go_on = asyncio.Event()
    provider.says([TextDelta("one"), go_on, *text("two")])
    body = {"messages": [{"role": "user", "content": "hello"}]}
    async with live_client.stream("POST", "/api/chat/stream", json=body) as answer:
        turn = answer.headers["x-turn-id"]
        await Reader(answer).event("text.delta")
        await until(lambda: services.turns.follower_count == 1)
    await until(lambda: services.turns.follower_count == 0)
    assert services.turns.running_count == 1
    go_on.set()
    await until(lambda: services.turns.running_count == 0)
    assert (await live_client.get(f"/api/chat/turns/{turn}")).json()["status"] == "completed"


async def test_screens_are_let_go_when_the_server_stops(
    live_client: httpx2.AsyncClient, services: Services
) -> None:
    async with listening(live_client) as screen:
        await until(lambda: services.hub.subscriber_count == 1)
        await services.shut_down(0)
        assert await screen.is_over()


async def test_silent_streams_show_a_sign_of_life(
    live_client: httpx2.AsyncClient, provider: ScriptedProvider, services: Services
) -> None:
    provider.says([asyncio.Event()])
    body = {"messages": [{"role": "user", "content": "hello"}]}
    async with (
        live_client.stream("GET", "/api/events") as news,
        live_client.stream("POST", "/api/chat/stream", json=body) as answer,
    ):
        screen, turn = Reader(news), Reader(answer)
        await screen.event("conversation.changed")
        await turn.event("turn.started")
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(has_ping(one)) for one in (screen, turn)]
            while not all(reader.done() for reader in readers):
                services.turns.tick()
                services.hub.tick()
                await asyncio.sleep(0.01)
        await services.turns.stop(*await owner_and_turn(services))


async def has_ping(reader: Reader) -> None:
    while await reader.block() != ": ping":
        pass


async def owner_and_turn(services: Services) -> tuple[str, str]:
    row = await services.database.read(
        lambda c: c.execute("SELECT owner_id, id FROM turns").fetchone()
    )
    return row[0], row[1]


async def test_signs_of_life_come_more_often_than_proxies_lose_patience(
    services: Services,
) -> None:
    assert HEARTBEAT_SECONDS < 15
    assert "heartbeat" in {task.get_name() for task in asyncio.all_tasks()}


async def test_the_test_stream_arrives_piece_by_piece(live_client: httpx2.AsyncClient) -> None:
    async with live_client.stream("GET", "/api/chat/test-stream") as answer:
        reader = Reader(answer)
        began = asyncio.get_running_loop().time()
        pieces = [(await reader.event("text.delta"))["text"] for _ in range(3)]
        assert "".join(pieces) == "one two three"
        assert asyncio.get_running_loop().time() - began > 0.3  # not all at once
        assert (await reader.event())["type"] == "turn.finished"
        assert await reader.is_over()
