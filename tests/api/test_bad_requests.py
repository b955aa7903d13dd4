"""What cannot be understood is refused with a code and words, and nothing is stored by half."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from backend.api.json_body import JsonRoute
from backend.api.security import LARGEST_BODY
from backend.auth.people import User
from backend.container import Services
from tests.api.asking import events, refused, say, stored
from tests.conftest import PASSWORD, USERNAME
from tests.fakes.scripted import ScriptedProvider, text

SEND = "/api/chat/stream"
JSON = {"content-type": "application/json"}


def one(content: Any = "hello", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **more}


WRONG: dict[str, Any] = {
    "no fields": {},
    "not an object": [1, 2],
    "null": None,
    "a text": "hello",
    "messages is a text": {"messages": "hello"},
    "no message": {"messages": []},
    "a message without a role": {"messages": [{"content": "hello"}]},
    "an unknown role": {"messages": [{"role": "wizard", "content": "hello"}]},
    "a number as content": one(7),
    "null as content": one(None),
    "an object as content": one({"text": "hello"}),
    "a picture as content": one([{"type": "image_url", "image_url": {"url": "x"}}]),
    "no parts": one([]),
    "an empty message": one(""),
    "white space": one(" \n\t\u2003"),
    "nothing but NUL": one("\0\0"),
    "an empty part": one([{"type": "text", "text": ""}]),
    "the model speaks last": {"messages": [{"role": "assistant", "content": "hello"}]},
    "temperature above 2": one(temperature=2.1),
    "temperature is a text": one(temperature="hot"),
    "a seed beyond any number": one(seed=10**400),
    "max_tokens 0": one(max_tokens=0),
    "nine stops": one(stop=["a"] * 9),
    "an unknown effort": one(reasoning={"effort": "gigantic"}),
    "an unknown time zone": one(timezone="Europe/Atlantis"),
    "a time zone that is a folder": one(timezone="Europe"),
    "a time zone outside its folder": one(timezone="../../../etc/passwd"),
    "an absolute time zone": one(timezone="/etc/localtime"),
    "a time zone with NUL": one(timezone="UTC\0"),
    "an empty time zone": one(timezone=""),
    "a very long time zone": one(timezone="A/" * 1000),
    "an empty model": one(model=""),
    "a very long model": one(model="m" * 300),
    "a number as model": one(model=5),
    "an empty conversation": one(conversation_id=""),
    "a list as conversation": one(conversation_id=["a"]),
    "an endless client id": {
        "messages": [{"role": "user", "content": "hello", "client_message_id": "x" * 65}]
    },
    "too many messages": {"messages": [{"role": "user", "content": "a"}] * 1001},
    "a message of a million and one": one("a" * 1_000_001),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_message_of_the_wrong_shape_is_refused(
    name: str, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    refused(await client.post(SEND, json=WRONG[name]), 422, "invalid_input")
    assert await stored(services) == before


DEEP = 100_000
BROKEN: dict[str, bytes] = {
    "not JSON": b"hello",
    "cut JSON": b'{"messages": [{"role": "user", "content": "hel',
    "two values": b"{} {}",
    "invalid UTF-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "a surrogate in UTF-8": b'{"messages": [{"role": "user", "content": "\xed\xa0\x80"}]}',
    "UTF-16": '{"messages": [{"role": "user", "content": "hi"}]}'.encode("utf-16"),
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a deep field": b'{"messages": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a key twice": b'{"messages": [], "messages": [{"role": "user", "content": "hi"}]}',
    "an inner key twice": b'{"messages": [{"role": "user", "role": "user", "content": "hi"}]}',
    "NaN": b'{"messages": [{"role": "user", "content": "hi"}], "temperature": NaN}',
    "Infinity": b'{"messages": [{"role": "user", "content": "hi"}], "top_k": -Infinity}',
    "an endless number": b'{"messages": [], "seed": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_body_that_is_not_plain_json_is_refused(
    name: str, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    words = refused(await client.post(SEND, content=BROKEN[name], headers=JSON), 400, "bad_request")
    assert len(words) < 200
    assert await stored(services) == before


async def test_every_route_with_a_body_reads_it_strictly(app: FastAPI) -> None:
    lenient = [
        route.path
        for context in iter_route_contexts(app.routes)
        if isinstance(route := context.original_route, APIRoute)
        and route.body_field
        and not isinstance(route, JsonRoute)
    ]
    assert lenient == []


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""],
)
async def test_json_has_to_be_called_json(
    kind: str, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    body = b'{"messages": [{"role": "user", "content": "hi"}]}'
    headers = {"content-type": kind} if kind else {}
    refused(await client.post(SEND, content=body, headers=headers), 422, "invalid_input")
    assert await stored(services) == before


async def test_a_field_may_be_named_with_half_a_character(client: httpx2.AsyncClient) -> None:
    body = b'{"title": "a", "\\ud800": 1}'
    answer = await client.post("/api/conversations", content=body, headers=JSON)
    refused(answer, 422, "invalid_input")


async def test_half_a_character_in_a_message_does_not_lose_the_message(
    client: httpx2.AsyncClient, provider: ScriptedProvider
) -> None:
    provider.says(text("fine"))
    body = b'{"messages": [{"role": "user", "content": "cut \\ud83d, whole \\ud83d\\ude00"}]}'
    answer = await client.post(SEND, content=body, headers=JSON)
    assert events(answer)[-1]["status"] == "completed"
    path = f"/api/conversations/{answer.headers['x-conversation-id']}"
    question = (await client.get(path)).json()["messages"][0]
    assert question["parts"][0]["text"] == "cut ?, whole \U0001f600"


async def test_an_unknown_model_is_refused_before_anything_is_stored(
    client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    refused(await say(client, "hello", model="scripted:none"), 404, "model_unknown")
    refused(
        await client.post("/api/conversations", json={"model": "demo:none"}), 404, "model_unknown"
    )
    assert await stored(services) == before


async def test_a_conversation_that_does_not_exist_is_not_made(
    client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    refused(await say(client, "hello", conversation_id="conv_made_up"), 404, "not_found")
    refused(await say(client, "hello", edit_of="msg_made_up"), 404, "not_found")
    assert await stored(services) == before


async def test_a_body_of_ten_megabytes_is_refused_while_it_is_read(
    live_client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    for path in (SEND, "/api/auth/login", "/api/chat/turns/some/stop", "/api/chat/turns/x/events"):
        answer = await live_client.post(path, content=b"x" * 10_000_000, headers=JSON)
        refused(answer, 413, "too_large")
    assert await stored(services) == before


async def test_a_body_without_an_announced_length_is_counted(
    live_client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * LARGEST_BODY:
            sent += 100_000
            yield b" " * 100_000

    # The server hangs up, and the client may or may not see the answer before that.
    with suppress(httpx2.WriteError, httpx2.ReadError):
        refused(await live_client.post(SEND, content=endless(), headers=JSON), 413, "too_large")
    assert sent < 20 * LARGEST_BODY
    assert await stored(services) == before


@pytest.mark.parametrize("path", [SEND, "/api/auth/login", "/api/people/some/reset"])
async def test_e4_a_long_body_is_read_only_from_somebody_who_is_signed_in(
    path: str, stranger: httpx2.AsyncClient, owner: User
) -> None:
    sent = 0

    async def long() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(30):
            sent += 100_000
            yield b" " * 100_000

    refused(await stranger.post(path, content=long(), headers=JSON), 401, "not_signed_in")
    assert sent <= 200_000
    login = {"username": USERNAME, "password": PASSWORD, "mode": "session"}
    assert (await stranger.post("/api/auth/login", json=login)).status_code == 200
    sent = 0
    answer = await stranger.post(path, content=long(), headers=JSON)
    assert (answer.status_code, sent) == (400, 3_000_000), "all of it was read: it is no JSON"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=" + "9" * 5000,
        "archived=perhaps",
        "q=" + "a" * 201,
    ],
)
async def test_a_wrong_query_is_refused(query: str, client: httpx2.AsyncClient) -> None:
    refused(await client.get(f"/api/conversations?{query}"), 422, "invalid_input")


@pytest.mark.parametrize(
    "cursor", ["x", "2.1.conv", "0.١٢.conv", "0.1e5.c", "0." + "9" * 30 + ".c", "\0", "."]
)
async def test_a_cursor_that_was_not_given_out_is_refused(
    cursor: str, client: httpx2.AsyncClient
) -> None:
    answer = await client.get("/api/conversations", params={"cursor": cursor})
    refused(answer, 422, "invalid_input")


@pytest.mark.parametrize(
    "q",
    ['"', '""', "*", "a*b", "NEAR(", "a AND", "-", "\0", "(", "title:x", "%", "_", "\\", "'", "^"],
)
async def test_a_search_is_never_a_query_language(q: str, client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/conversations", params={"q": q})
    assert answer.status_code == 200
    assert answer.json() == {"conversations": [], "next_cursor": None, "excerpts": {}}


CHANGES: dict[str, Any] = {
    "no title": {"title": ""},
    "a title of blanks": {"title": " \n "},
    "title null": {"title": None},
    "a long title": {"title": "a" * 201},
    "pinned is a list": {"pinned": []},
    "an unknown field": {"owner_id": "user_else"},
    "the source of the title": {"title_source": "auto"},
    "leaf null": {"leaf_id": None},
    "a prompt without end": {"system_prompt": "a" * 100_001},
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_wrong_change_of_a_conversation_is_refused(
    name: str, client: httpx2.AsyncClient, services: Services
) -> None:
    made = await client.post("/api/conversations", json={"title": "mine"})
    before = await stored(services)
    answer = await client.patch(f"/api/conversations/{made.json()['id']}", json=CHANGES[name])
    refused(answer, 422, "invalid_input")
    assert await stored(services) == before


async def test_a_refusal_names_the_field_in_words(client: httpx2.AsyncClient) -> None:
    words = refused(await client.post(SEND, json=one(timezone="Nowhere")), 422, "invalid_input")
    assert "timezone" in words
    assert "Europe/Berlin" in words


async def test_a_wrong_method_is_told_what_is_allowed(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/api/chat/stream", json={})
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
