"""Another person's things do not exist: 404, nothing changed, nothing told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from backend.container import Services
from backend.messages import Generation
from backend.providers.base import GenerationStarted, TextDelta
from tests.api.asking import events, refused, say, stored
from tests.fakes.scripted import ScriptedProvider, text

CANARY = "kestrelword"
GENERATION = "gen-annas"


@dataclass(frozen=True)
class Belongings:
    """What exists: of Anna (the owner), and a conversation of Bob's own."""

    conversation: str
    question: str
    answer: str
    turn: str
    bobs: str
    bobs_question: str


@pytest.fixture
async def annas(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, provider: ScriptedProvider
) -> Belongings:
    provider.says([GenerationStarted(GENERATION), *text(f"{CANARY} indeed")], text("hello"))
    provider.books[GENERATION] = Generation(id=GENERATION, model=CANARY)
    mine, his = await say(client, f"{CANARY} question"), await say(bob, "own question")
    conversation, bobs = (one.headers["x-conversation-id"] for one in (mine, his))
    question, answer = (await client.get(f"/api/conversations/{conversation}")).json()["messages"]
    tree = (await bob.get(f"/api/conversations/{bobs}")).json()["messages"]
    turn = mine.headers["x-turn-id"]
    return Belongings(conversation, question["id"], answer["id"], turn, bobs, tree[0]["id"])


type Ask = Callable[[Belongings], tuple[str, str, dict[str, Any] | None]]


def message(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "let me in"}], **more}


ATTEMPTS: dict[str, Ask] = {
    "read": lambda a: ("GET", f"/api/conversations/{a.conversation}", None),
    "rename": lambda a: ("PATCH", f"/api/conversations/{a.conversation}", {"title": "his"}),
    "pin": lambda a: ("PATCH", f"/api/conversations/{a.conversation}", {"pinned": True}),
    "delete": lambda a: ("DELETE", f"/api/conversations/{a.conversation}", None),
    "delete the session": lambda a: ("DELETE", f"/api/chat/session/{a.conversation}", None),
    "delete a message": lambda a: (
        "DELETE",
        f"/api/chat/session/{a.conversation}/messages/{a.answer}",
        None,
    ),
    "delete a message through an own conversation": lambda a: (
        "DELETE",
        f"/api/chat/session/{a.bobs}/messages/{a.answer}",
        None,
    ),
    "show a branch of it": lambda a: (
        "PATCH",
        f"/api/conversations/{a.bobs}",
        {"leaf_id": a.answer},
    ),
    "read a turn": lambda a: ("GET", f"/api/chat/turns/{a.turn}", None),
    "stop a turn": lambda a: ("POST", f"/api/chat/turns/{a.turn}/stop", None),
    "follow a turn": lambda a: ("GET", f"/api/chat/turns/{a.turn}/events", None),
    "follow a turn by POST": lambda a: ("POST", f"/api/chat/turns/{a.turn}/events?after=1", None),
    "send": lambda a: ("POST", "/api/chat/stream", message(conversation_id=a.conversation)),
    "send by the older name": lambda a: (
        "POST",
        "/api/chat/stream",
        message(session_id=a.conversation),
    ),
    "hang below a message": lambda a: (
        "POST",
        "/api/chat/stream",
        message(conversation_id=a.bobs, parent_id=a.answer),
    ),
    "edit a message": lambda a: (
        "POST",
        "/api/chat/stream",
        message(conversation_id=a.bobs, edit_of=a.question),
    ),
    "edit a message from a new conversation": lambda a: (
        "POST",
        "/api/chat/stream",
        message(edit_of=a.question),
    ),
    "hang a new conversation below a message": lambda a: (
        "POST",
        "/api/chat/stream",
        message(parent_id=a.answer),
    ),
    "regenerate": lambda a: (
        "POST",
        "/api/chat/regenerate",
        {"conversation_id": a.conversation, "message_id": a.answer},
    ),
    "regenerate through an own conversation": lambda a: (
        "POST",
        "/api/chat/regenerate",
        {"conversation_id": a.bobs, "message_id": a.answer},
    ),
    "regenerate an own message in it": lambda a: (
        "POST",
        "/api/chat/regenerate",
        {"conversation_id": a.conversation, "message_id": a.bobs_question},
    ),
    "continue": lambda a: (
        "POST",
        "/api/chat/continue",
        {"conversation_id": a.conversation, "message_id": a.answer},
    ),
    "continue through an own conversation": lambda a: (
        "POST",
        "/api/chat/continue",
        {"conversation_id": a.bobs, "message_id": a.answer},
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_what_another_person_owns_does_not_exist(
    attempt: str, annas: Belongings, bob: httpx2.AsyncClient, services: Services
) -> None:
    method, path, body = ATTEMPTS[attempt](annas)
    before = await stored(services)
    answer = await bob.request(method, path, json=body)
    refused(answer, 404, "not_found")
    assert CANARY not in answer.text
    assert await stored(services) == before


async def test_a_generation_is_found_by_its_owner_only(
    annas: Belongings, client: httpx2.AsyncClient, bob: httpx2.AsyncClient
) -> None:
    path = f"/api/chat/generation/{GENERATION}"
    assert (await client.get(path)).json()["model"] == CANARY
    refused(await bob.get(path), 404, "not_found")


@pytest.mark.parametrize("query", ["", f"?q={CANARY}", "?archived=true", "?q=question&limit=200"])
async def test_lists_and_searches_hold_own_conversations_only(
    query: str, annas: Belongings, bob: httpx2.AsyncClient
) -> None:
    answer = await bob.get(f"/api/conversations{query}")
    assert annas.conversation not in answer.text
    assert CANARY not in answer.text


async def test_a_cursor_of_another_person_opens_nothing(
    annas: Belongings, client: httpx2.AsyncClient, bob: httpx2.AsyncClient
) -> None:
    await say(client, f"{CANARY} again")
    cursor = (await client.get("/api/conversations?limit=1")).json()["next_cursor"]
    answer = await bob.get("/api/conversations", params={"cursor": cursor})
    assert CANARY not in answer.text


async def test_two_people_may_choose_the_same_client_message_id(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, provider: ScriptedProvider
) -> None:
    provider.says(text(CANARY), text("for Bob"))
    once = {"role": "user", "content": "hello", "client_message_id": "same"}
    hers = await client.post("/api/chat/stream", json={"messages": [once]})
    his = await bob.post("/api/chat/stream", json={"messages": [once]})
    assert hers.headers["x-turn-id"] != his.headers["x-turn-id"]
    assert events(his)[-1]["status"] == "completed"
    assert CANARY not in his.text


async def test_a_running_turn_cannot_be_stopped_or_followed_by_others(
    live_client: httpx2.AsyncClient,
    bob: httpx2.AsyncClient,
    provider: ScriptedProvider,
    services: Services,
) -> None:
    provider.says([TextDelta(CANARY), asyncio.Event()])
    async with live_client.stream("POST", "/api/chat/stream", json=message()) as answer:
        turn, conversation = answer.headers["x-turn-id"], answer.headers["x-conversation-id"]
        attempts = [
            bob.post(f"/api/chat/turns/{turn}/stop"),
            bob.get(f"/api/chat/turns/{turn}/events"),
            bob.delete(f"/api/conversations/{conversation}"),
            bob.delete(f"/api/chat/session/{conversation}/messages/any"),
            bob.post("/api/chat/stream", json=message(conversation_id=conversation)),
        ]
        for attempt in attempts:
            refused(await attempt, 404, "not_found")
        assert services.turns.running_count == 1
    stopped = await live_client.post(f"/api/chat/turns/{turn}/stop")
    assert stopped.json()["status"] == "stopped"
