"""Prompts and resources of tool servers over HTTP, and what is sent along with a message."""

import base64
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401  # what the registry loads in a thread
from backend.auth.people import User
from backend.container import Services
from backend.settings import Settings
from backend.toolbox.offers import LONGEST_TEXT
from tests.api.asking import refused, say, until
from tests.chat.household import in_the_file
from tests.conftest import make_settings
from tests.fakes.mcp_odd import Message, OddServer
from tests.fakes.mcp_server import Running, modern, out_for_long, running
from tests.fakes.scripted import ScriptedProvider, text

PROMPTS, RESOURCES = "/api/mcp/prompts", "/api/mcp/resources"
GREET = {"server_id": "shop", "name": "greet", "arguments": {"name": "Anna"}}


def blob(kind: str, content: bytes) -> Message:
    data = base64.b64encode(content).decode()
    return {"contents": [{"uri": "odd://one", "mimeType": kind, "blob": data}]}


@pytest.fixture
async def odd() -> OddServer:
    made = OddServer()
    made.capabilities = {"tools": {}, "prompts": {}, "resources": {}}
    made.results["prompts/list"] = {"prompts": [{"name": "plan", "arguments": [{"name": "day"}]}]}
    made.results["resources/list"] = {
        "resources": [{"uri": "odd://one", "name": "one", "title": "The one"}]
    }
    return made


@pytest.fixture
async def remotes(odd: OddServer) -> AsyncGenerator[dict[str, Running]]:
    async with running(modern()) as shop, running(odd) as other:
        yield {"shop": shop, "odd": other}


@pytest.fixture
async def settings(
    tmp_path: Path, chat_settings: dict[str, object], remotes: dict[str, Running]
) -> Settings:
    made = make_settings(tmp_path, **chat_settings)
    in_the_file(made, **{name: one.url for name, one in remotes.items()})
    return made


@pytest.fixture
async def ready(services: Services) -> Services:
    def all_there() -> bool:
        servers = services.tool_servers.connections.values()
        return len(servers) == 2 and all(one.session for one in servers)

    await until(all_there)
    return services


async def read(client: httpx2.AsyncClient, server_id: str, uri: str) -> httpx2.Response:
    return await client.post(f"{RESOURCES}/read", json={"server_id": server_id, "uri": uri})


async def test_prompts_are_listed_and_filled_in_by_their_server(
    client: httpx2.AsyncClient, ready: Services
) -> None:
    found = (await client.get(f"{PROMPTS}?client=chat")).json()["prompts"]
    assert [(one["server_id"], one["name"]) for one in found] == [
        ("odd", "plan"),
        ("shop", "greet"),
    ]
    assert found[1] == {
        "server_id": "shop",
        "server": "Shop",
        "name": "greet",
        "title": "",
        "description": "Greets somebody.",
        "arguments": [{"name": "name", "description": "", "required": True}],
    }
    got = await client.post(f"{PROMPTS}/get", json=GREET)
    assert got.json() == {"text": "Say hello to Anna.", "description": "Greets somebody."}


async def test_a_prompt_that_is_a_talk_says_who_speaks(
    client: httpx2.AsyncClient, ready: Services, odd: OddServer
) -> None:
    said = [("user", "What is on today?"), ("assistant", "Nothing."), ("user", "Plan it.")]
    odd.results["prompts/get"] = {
        "messages": [
            {"role": role, "content": {"type": "text", "text": words}} for role, words in said
        ]
    }
    got = await client.post(f"{PROMPTS}/get", json={"server_id": "odd", "name": "plan"})
    assert got.json()["text"] == (
        "User: What is on today?\n\nAssistant: Nothing.\n\nUser: Plan it."
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": "nothing"}, 404, "not_found"),
        ({"server_id": "nobody"}, 404, "not_found"),
        ({"arguments": {}}, 502, "tool_server_failed"),
        ({"arguments": {"name": 5}}, 422, "invalid_input"),
    ],
)
async def test_a_prompt_that_cannot_be_had_is_refused_with_words(
    client: httpx2.AsyncClient, ready: Services, change: dict[str, Any], status: int, code: str
) -> None:
    refused(await client.post(f"{PROMPTS}/get", json=GREET | change), status, code)


async def test_resources_are_listed_and_read(client: httpx2.AsyncClient, ready: Services) -> None:
    found = (await client.get(RESOURCES)).json()["resources"]
    assert {(one["server_id"], one["uri"], one["is_template"]) for one in found} == {
        ("odd", "odd://one", False),
        ("shop", "note://{number}", True),
        ("shop", "shop://opening", False),
    }
    assert (await read(client, "shop", "note://7")).json() == {
        "title": "7",
        "mime_type": "text/plain",
        "text": "note 7",
        "is_cut": False,
    }
    assert (await read(client, "shop", "shop://opening")).json()["text"] == "from nine to five"
    refused(await read(client, "nobody", "note://7"), 404, "not_found")
    refused(await read(client, "shop", "nothing://there"), 502, "tool_server_failed")


async def test_what_is_no_text_is_not_read(
    client: httpx2.AsyncClient, ready: Services, odd: OddServer
) -> None:
    odd.results["resources/read"] = blob("image/png", b"\x89PNG")
    words = refused(await read(client, "odd", "odd://one"), 415, "not_text")
    assert "image/png" in words
    odd.results["resources/read"] = blob("application/json", b'{"a": "\xc3\xa4"}')
    got = (await read(client, "odd", "odd://one")).json()
    assert (got["title"], got["text"]) == ("The one", '{"a": "ä"}')


async def test_a_long_text_is_cut_to_what_fits_beside_a_message(
    client: httpx2.AsyncClient,
    ready: Services,
    odd: OddServer,
    provider: ScriptedProvider,
) -> None:
    long = {"uri": "odd://one", "text": "ä\0" * (LONGEST_TEXT + 1)}
    odd.results["resources/read"] = {"contents": [long]}
    got = (await read(client, "odd", "odd://one")).json()
    assert got["is_cut"]
    assert got["text"] == "ä" * LONGEST_TEXT
    provider.says(text("Long."))
    beside = {"server_id": "odd", "server": "Odd", "uri": "odd://one", "text": got["text"]}
    assert (await say(client, "Read it", resources=[beside])).status_code == 200


async def test_a_server_that_is_gone_is_named(
    client: httpx2.AsyncClient, ready: Services, remotes: dict[str, Running]
) -> None:
    await remotes["odd"].kill()
    await out_for_long(ready.tool_servers.connections["odd"])
    words = refused(await read(client, "odd", "odd://one"), 503, "unavailable")
    assert words.startswith("Odd is unreachable")


async def test_only_servers_that_a_person_wants_and_may_use_offer_anything(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, ready: Services
) -> None:
    await client.put("/api/mcp/preferences/chat", json={"enabled_servers": ["odd"]})
    listed = (await client.get(PROMPTS)).json()["prompts"]
    assert [one["server_id"] for one in listed] == ["odd"]
    assert len((await client.get(f"{PROMPTS}?client=voice")).json()["prompts"]) == 2
    me = (await bob.get("/api/auth/me")).json()["user"]["id"]
    await client.patch(f"/api/people/{me}", json={"limits": {"tools": ["odd/*"]}})
    listed = (await bob.get(RESOURCES)).json()["resources"]
    assert [one["server_id"] for one in listed] == ["odd"]
    refused(await bob.post(f"{PROMPTS}/get", json=GREET), 404, "not_found")
    refused(await read(bob, "shop", "note://7"), 404, "not_found")


async def test_attached_resources_come_back_with_their_message(
    client: httpx2.AsyncClient, owner: User, provider: ScriptedProvider
) -> None:
    beside = {
        "server_id": "notes",
        "server": "Notes",
        "uri": "note://7",
        "title": "Shopping",
        "mime_type": "text/plain",
        "text": "milk\0",
    }
    provider.says(text("Milk."))
    sent = await say(client, "What do I need?", resources=[beside])
    path = f"/api/conversations/{sent.headers['x-conversation-id']}"
    question, _ = (await client.get(path)).json()["messages"]
    assert question["parts"] == [
        {"type": "text", "text": "What do I need?"},
        {"type": "resource", **beside, "text": "milk"},
    ]


@pytest.mark.parametrize(
    "change",
    [{"text": "x" * (LONGEST_TEXT + 1)}, {"uri": ""}, {"uri": "x" * 2001}, {"more": 1}],
)
async def test_a_resource_that_is_too_much_is_refused(
    client: httpx2.AsyncClient, owner: User, change: dict[str, Any]
) -> None:
    beside = {"server_id": "notes", "server": "Notes", "uri": "note://7", "text": "milk"}
    answer = await say(client, "Hello", resources=[beside | change])
    refused(answer, 422, "invalid_input")
    refused(await say(client, "Hello", resources=[beside] * 9), 422, "invalid_input")
