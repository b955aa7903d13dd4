"""What the owner does with tool servers is told: to every screen at once, and in the log."""

import asyncio
from contextlib import aclosing

import httpx2

import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401  # what the registry loads in a thread
from backend.auth.devices import topic_of
from backend.auth.people import User
from backend.chat.live import announce_tools
from backend.container import Services
from backend.kit.schedule import Coalesced
from tests.api.asking import Reader, refused, say, until
from tests.api.tool_servers.mail import SERVERS
from tests.fakes.mcp_odd import OddServer
from tests.fakes.mcp_server import running
from tests.fakes.scripted import ScriptedProvider, calls, text
from tests.fakes.scripted import tool as calling

TRAFFIC = f"{SERVERS}/mail/traffic"


async def told(client: httpx2.AsyncClient) -> list[tuple[str, ...]]:
    """What the log says of tools, oldest first."""
    items = (await client.get("/api/audit")).json()["items"]
    names = ("kind", "actor", "subject", "detail")
    return [
        tuple(one[name] for name in names)
        for one in reversed(items)
        if one["kind"].startswith("tool")
    ]


# --- the log --------------------------------------------------------------------------------------


async def test_a5_the_log_tells_who_added_switched_and_removed_a_server(
    client: httpx2.AsyncClient, ready: Services
) -> None:
    async with running(OddServer()) as another:
        await client.post(f"{SERVERS}/connect", json={"url": another.url})
        await client.post(f"{SERVERS}/connect", json={"url": another.url})  # known: no news
        await client.patch(f"{SERVERS}/odd-server", json={"enabled": False})
        await client.patch(f"{SERVERS}/odd-server", json={"enabled": False})
        await client.patch(f"{SERVERS}/odd-server", json={"enabled": True})
        await client.delete(f"{SERVERS}/odd-server")
    assert await told(client) == [
        ("tool_server_added", "anna", "Odd server", another.url),
        ("tool_server_disabled", "anna", "Odd server", ""),
        ("tool_server_enabled", "anna", "Odd server", ""),
        ("tool_server_removed", "anna", "Odd server", ""),
    ]


async def test_a5_the_log_tells_which_tools_were_switched_and_approved(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, ready: Services
) -> None:
    await client.post(f"{SERVERS}/mail/tools", json={"tool_name": "look", "enabled": False})
    await client.patch(f"{SERVERS}/mail", json={"disabled_tools": ["send_mail"]})
    await client.patch(f"{SERVERS}/mail", json={"disabled_tools": ["send_mail"]})
    found = (await client.get(f"{SERVERS}/mail/tools")).json()["tools"]
    words = [{"tool_name": one["name"], "fingerprint": one["fingerprint"]} for one in found]
    await bob.post(f"{SERVERS}/mail/approve", json={"tools": words})  # for himself alone
    await client.post(f"{SERVERS}/mail/approve", json={"tools": words})
    assert await told(client) == [
        ("tools_switched", "anna", "Mail", "off: look"),
        ("tools_switched", "anna", "Mail", "off: send_mail; on: look"),
        ("tools_approved", "anna", "Mail", "look, send_mail"),
    ]


async def test_what_is_refused_is_not_told(client: httpx2.AsyncClient, ready: Services) -> None:
    refused(await client.delete(f"{SERVERS}/mail"), 409, "conflict")
    refused(await client.delete(f"{SERVERS}/nobody"), 404, "not_found")
    await client.post(f"{SERVERS}/connect", json={"url": "http://127.0.0.1:9/mcp"})
    assert await told(client) == []


# --- what is said with a server -------------------------------------------------------------------


async def test_the_owner_sees_what_is_said_while_they_record(
    client: httpx2.AsyncClient, ready: Services, provider: ScriptedProvider
) -> None:
    assert (await client.get(TRAFFIC)).json() == {"recording_until": None, "entries": []}
    begun = (await client.put(TRAFFIC, json={"recording": True})).json()
    assert begun["recording_until"] is not None
    provider.says(calls(calling("look")), text("Seen."))
    await say(client, "Look")
    entries = (await client.get(TRAFFIC)).json()["entries"]
    shown = [(one["direction"], one["kind"], one["method"]) for one in entries]
    assert ("sent", "request", "tools/call") in shown
    assert ("received", "answer", "tools/call") in shown
    assert [one["number"] for one in entries] == list(range(1, len(entries) + 1))
    over = (await client.put(TRAFFIC, json={"recording": False})).json()
    assert over == {"recording_until": None, "entries": []}
    assert await told(client) == [("tool_traffic_recorded", "anna", "Mail", "")]


async def test_nobody_else_records_or_reads_it(
    client: httpx2.AsyncClient, bob: httpx2.AsyncClient, ready: Services
) -> None:
    await client.put(TRAFFIC, json={"recording": True})
    refused(await bob.get(TRAFFIC), 403, "forbidden")
    refused(await bob.put(TRAFFIC, json={"recording": False}), 403, "forbidden")
    refused(await client.get(f"{SERVERS}/nobody/traffic"), 404, "not_found")
    refused(
        await client.put(f"{SERVERS}/nobody/traffic", json={"recording": True}), 404, "not_found"
    )


# --- live -----------------------------------------------------------------------------------------


async def test_every_person_hears_at_once_that_tools_changed(
    live_client: httpx2.AsyncClient,
    services: Services,
    server: str,
    owner: User,
    bob: httpx2.AsyncClient,
    ready: Services,
) -> None:
    cookies = bob.cookies
    async with (
        httpx2.AsyncClient(base_url=server, timeout=5, cookies=cookies) as his,
        live_client.stream("GET", "/api/events") as mine,
        his.stream("GET", "/api/events") as theirs,
    ):
        screens = [Reader(mine), Reader(theirs)]
        for screen in screens:
            assert (await screen.event())["type"] == "hello"
        await until(lambda: services.hub.subscriber_count == 2)
        await live_client.post(
            f"{SERVERS}/mail/tools", json={"tool_name": "look", "enabled": False}
        )
        for screen in screens:
            assert await screen.event() == {"type": "tools.changed"}


async def test_many_changes_in_a_moment_are_one_piece_of_news() -> None:
    told: list[str] = []
    news = Coalesced(0.01, lambda: told.append("now"))
    for _ in range(10):
        news()
    await until(lambda: bool(told))
    assert told == ["now"]
    news()
    await until(lambda: len(told) == 2)


async def test_a_paired_display_hears_nothing_of_tools(services: Services) -> None:
    topic = topic_of("wall")
    async with aclosing(services.hub.follow(topic)) as frames:
        first = asyncio.ensure_future(anext(frames))
        await until(lambda: services.hub.has_followers(topic))
        announce_tools(services.hub)
        services.hub.publish(topic, {"type": "own"}, "own")
        assert b"tools.changed" not in await first
