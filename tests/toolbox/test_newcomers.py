"""Servers that are new: added by a person, found on the operator's hosts, and what they are called."""

import asyncio
import socket

import pytest

from backend.kit.addresses import Openings
from backend.kit.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from backend.kit.outbound import Outbound
from backend.toolbox.records import Address
from tests.fakes.mcp_odd import OddServer
from tests.fakes.mcp_server import running
from tests.fakes.waiting import until
from tests.toolbox.registry import ANNA, all_ready, household, offered


async def test_s2_a_person_s_server_inside_the_house_needs_the_operator_s_word(database):
    async with (
        running(OddServer()) as remote,
        household(database, outbound=Outbound()) as servers,
    ):
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await servers.roster.add(remote.url, added_by="anna")
        assert remote.requests == []
        assert servers.connections == {}


async def test_s2_what_cannot_be_reached_sounds_the_same_whatever_the_reason(database):
    async with (
        running(OddServer()) as remote,
        household(database, outbound=Outbound()) as servers,
    ):
        words = set()
        for url in (remote.url, "http://127.0.0.1:9/mcp", "http://[::1]:8080/mcp"):
            with pytest.raises(UnavailableError) as refused:
                await servers.roster.add(url, added_by="anna")
            words.add(refused.value.detail)
    assert len(words) == 1


async def test_a_server_that_a_person_adds_is_there_after_a_restart(database):
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    async with running(OddServer()) as remote:
        async with household(database, outbound=outbound) as servers:
            added = await servers.roster.add(remote.url, added_by="anna")
            assert added.definition.id == "odd-server"
            assert "ping" in offered(servers)
            again = await servers.roster.add(remote.url, added_by="anna")
            assert again is added
        async with household(database, outbound=outbound) as servers:
            await all_ready(servers)
            assert "ping" in offered(servers)
            await servers.remove("odd-server")
            assert offered(servers) == ["clock", "read_more"]
        async with household(database, outbound=outbound) as servers:
            assert servers.connections == {}
    await outbound.aclose()


async def test_nothing_that_a_person_types_is_filled_in_from_the_environment(database, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-canary")
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    paths: list[str] = []
    odd = OddServer()

    async def noting(scope, receive, send) -> None:
        if scope["type"] == "http":
            paths.append(scope["raw_path"].decode() + "?" + scope["query_string"].decode())
        await odd(scope, receive, send)

    async with running(noting) as remote, household(database, outbound=outbound) as servers:
        words = "${OPENROUTER_API_KEY}$OPENROUTER_API_KEY%OPENROUTER_API_KEY%"
        added = await servers.roster.add(
            f"{remote.url}/{words}?key={words}", added_by="anna", title=words
        )
        assert added.definition.title == words
        asked = [*paths, *(str(request) for request in remote.requests)]
    await outbound.aclose()
    assert paths
    assert not [one for one in asked if "canary" in one]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "stdio:ls", "ls -la", "", "http://me:secret@host/mcp"]
)
async def test_people_add_web_addresses_and_nothing_else(database, url):
    async with household(database) as servers:
        with pytest.raises(InvalidInputError):
            await servers.roster.add(url, added_by="anna")


async def test_a_server_of_the_file_is_not_removed_from_here(database):
    async with household(database, {"id": "odd", "url": "http://127.0.0.1:9/mcp"}) as servers:
        with pytest.raises(ConflictError, match="operator's file"):
            await servers.remove("odd")
        with pytest.raises(NotFoundError):
            await servers.remove("nobody")


async def test_servers_on_the_operator_s_hosts_are_found(database):
    async with running(OddServer()) as one, running(OddServer()) as two:
        ports = (one.port, two.port, 9)
        async with household(database, hosts=("127.0.0.1",), ports=ports) as servers:
            await until(lambda: len(servers.connections) == 2)
            assert list(servers.connections) == ["odd-server", "odd-server-2"]
            assert {one.definition.source for one in servers.connections.values()} == {"discovery"}
            where = servers.connections["odd-server"].definition.where
            assert isinstance(where, Address)
            assert where.url == one.url


async def test_what_listens_there_and_is_no_tool_server_holds_nothing_up(database):
    """It says nothing for as long as anybody waits, each minute anew."""
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = (silent.getsockname()[1],)
        async with (
            running(OddServer()) as remote,
            household(database, hosts=("127.0.0.1",), ports=ports, outbound=outbound) as servers,
        ):
            looked, _ = await asyncio.to_thread(silent.accept)
            looked.close()
            async with asyncio.timeout(4):
                added = await servers.roster.add(remote.url, added_by="anna")
                await servers.remove(added.definition.id)
    await outbound.aclose()


async def test_a_server_that_is_added_twice_at_once_is_there_once(database):
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    async with running(OddServer()) as remote, household(database, outbound=outbound) as servers:
        adding = (servers.roster.add(remote.url, added_by="anna") for _ in range(3))
        added = await asyncio.gather(*adding)
        assert list(servers.connections) == ["odd-server"]
        assert {one.definition.id for one in added} == {"odd-server"}
    await outbound.aclose()


async def test_a_server_with_the_name_of_one_that_left_the_file_has_none_of_its_rights(database):
    """Names are what servers call themselves, and so may their tools' words be."""
    outbound = Outbound(Openings.of(["127.0.0.0/8"]))
    async with running(OddServer()) as trusted, running(OddServer()) as stranger:
        async with household(database, {"id": "odd-server", "url": trusted.url}) as servers:
            await all_ready(servers)
            await servers.decisions.choose("anna", ("odd-server", "ping"), "allow")
        async with household(database, outbound=outbound) as servers:
            added = await servers.roster.add(stranger.url, added_by="anna")
            assert added.definition.id == "odd-server-2"
            [ping] = servers.tools_of("odd-server-2")
            assert servers.gate_for(ANNA).standing(ping).choice is None
    await outbound.aclose()
