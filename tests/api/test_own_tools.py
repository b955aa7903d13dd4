"""Parlor's own tools over HTTP: what each person decided about them."""

import httpx2
import pytest

from backend.auth.people import Limits, User
from backend.container import Services
from tests.api.asking import refused
from tests.api.conftest import Newcomer, sign_in
from tests.conftest import PASSWORD

OWN = "/api/mcp/own"
NAMES = ["remember", "recall", "forget", "search_chats", "read_chat"]


async def listed(client: httpx2.AsyncClient) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in (await client.get(OWN)).json()["tools"]}


@pytest.mark.parametrize("path", [OWN, f"{OWN}/"])
async def test_they_are_listed_with_what_would_happen(client: httpx2.AsyncClient, path: str):
    tools = (await client.get(path)).json()["tools"]
    assert [one["name"] for one in tools] == NAMES
    assert {one["name"]: one["policy"] for one in tools} == {
        "remember": "ask",
        "recall": "allow",
        "forget": "ask",
        "search_chats": "allow",
        "read_chat": "allow",
    }
    assert {(one["enabled"], one["approved"], one["choice"]) for one in tools} == {
        (True, True, None)
    }
    remember = tools[0]
    assert (remember["title"], remember["read_only"], remember["open_world"]) == (
        "Remember",
        False,
        False,
    )


async def test_a_choice_is_the_persons_own_and_can_be_taken_back(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient
):
    body = {"server_id": "", "tool_name": "remember", "choice": "deny"}
    assert (await client.put("/api/mcp/policy", json=body)).json() == {"items": [body]}
    mine = (await listed(client))["remember"]
    assert (mine["policy"], mine["choice"]) == ("deny", "deny")
    assert (await listed(bob))["remember"]["choice"] is None
    assert (await client.put("/api/mcp/policy", json=body | {"choice": None})).json() == {
        "items": []
    }
    assert (await listed(client))["remember"]["policy"] == "ask"


@pytest.mark.parametrize("name", ["call_tool", "find_tools", "read_more", "nothing"])
async def test_there_is_nothing_to_decide_about_what_serves_the_others(
    client: httpx2.AsyncClient, name: str
):
    body = {"server_id": "", "tool_name": name, "choice": "allow"}
    refused(await client.put("/api/mcp/policy", json=body), 404, "not_found")


async def test_whoever_is_limited_sees_only_what_they_may_use(
    services: Services, owner: User, newcomer: Newcomer
):
    cleo = await services.auth.add("cleo", PASSWORD, "Cleo", role="child")
    limits = Limits(tools=("*_chats", "recall")).model_dump_json()
    await services.database.write(
        lambda c: c.execute("UPDATE users SET limits = ? WHERE id = ?", (limits, cleo.id))
    )
    client = await newcomer()
    await sign_in(client, "cleo")
    assert list(await listed(client)) == ["recall", "search_chats"]
