"""Parlor's own tools for programs: about the person whose program it is, and nobody else."""

import json
from typing import Any

from mcp import Client

from backend.auth.people import User
from backend.container import Services
from tests.chat.talk import Talk
from tests.conftest import PASSWORD
from tests.fakes.scripted import ScriptedProvider, text
from tests.mcp_endpoint.programs import Programs, text_of

OWN = {"search_chats", "read_chat", "recall", "remember", "forget"}


async def offered(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


async def said(client: Client, tool: str, **arguments: str) -> Any:
    return json.loads(text_of(await client.call_tool(tool, arguments)))


async def test_a1_a_program_finds_the_chats_of_its_person_and_of_nobody_else(
    programs: Programs, provider: ScriptedProvider, services: Services, owner: User
) -> None:
    provider.always = text("A kestrel, I think.")
    await Talk(services, owner).say("Which bird hovers?")
    bob = await services.auth.add("bob", PASSWORD, "Bob", role="adult")
    async with programs.connected() as hers:
        [found] = (await said(hers, "search_chats", query="kestrel"))["chats"]
        read = await said(hers, "read_chat", conversation_id=found["conversation_id"])
        assert "hovers" in str(read)
    async with programs.connected(await programs.key(user=bob)) as his:
        assert (await said(his, "search_chats", query="kestrel"))["chats"] == []
        refused = await his.call_tool("read_chat", {"conversation_id": found["conversation_id"]})
        assert refused.is_error
        assert "kestrel" not in text_of(refused)


async def test_a_program_writes_into_the_memory_only_when_the_person_lets_it(
    programs: Programs, services: Services, owner: User
) -> None:
    async with programs.connected() as client:
        assert await offered(client) & OWN == {"search_chats", "read_chat", "recall"}
        await services.tool_servers.decisions.choose(owner.id, ("", "remember"), "allow")
        assert "remember" in await offered(client)
        await client.call_tool("remember", {"text": "Tea, not coffee."})
        assert "Tea, not coffee." in text_of(await client.call_tool("recall"))


async def test_a2_a_key_for_tools_alone_reads_no_chats(programs: Programs) -> None:
    async with programs.connected(await programs.key("tools")) as client:
        assert await offered(client) & OWN == set()
