"""What servers offer: every page of it, and every change."""

import pytest

from tests.fakes.mcp_odd import OddServer, tool
from tests.fakes.mcp_server import modern, older, oldest, running
from tests.fakes.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_thousand_tools_on_many_pages_are_all_there(shop, names):
    odd = OddServer(*(tool(f"tool_{number:04}") for number in range(1000)))
    odd.page = 50
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        assert len(names(server)) == 1000
        assert (await shop.call(server, "tool_0999")).text == "tool_0999 done"


async def test_a_list_that_runs_in_circles_ends(shop, names):
    odd = OddServer()
    odd.results["tools/list"] = {"tools": [tool("again")], "nextCursor": "again"}
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        assert names(server) == ["again"]


@pytest.mark.parametrize("app", [modern, older, oldest])
async def test_a_list_that_changes_in_the_middle_of_a_turn_is_seen(shop, names, app):
    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        assert "newcomer" not in names(server)
        if app is modern:  # its stream of changes is opened in the background
            await until(lambda: len(remote.requests) > 5)
        await shop.call(server, "change")
        await until(lambda: "newcomer" in names(server))
        assert (await shop.call(server, "newcomer", text="hello")).text == "hello"


async def test_a_tool_that_is_gone_is_looked_for_anew(shop, names):
    odd = OddServer(tool("old"))
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.tools = (tool("new"),)
        await server.refresh(5)
        assert names(server) == ["new"]


async def test_prompts_and_resources_are_listed_and_read(shop):
    async with running(modern()) as remote:
        server = await shop.ready(remote.url)
        assert [prompt.name for prompt in server.listing.prompts] == ["greet"]
        assert server.listing.prompts[0].arguments[0].required
        assert {one.uri: one.is_template for one in server.listing.resources} == {
            "shop://opening": False,
            "note://{number}": True,
        }
        greeting = await shop.calls.use(
            server, lambda session, attempt: session.prompt("greet", {"name": "Anna"}, attempt)
        )
        note = await shop.calls.use(
            server, lambda session, attempt: session.resource("note://7", attempt)
        )
    assert "Say hello to Anna." in greeting.text
    assert "note 7" in note.text


async def test_annotations_become_hints_with_the_careful_defaults(shop):
    careful = tool("wipe")
    harmless = tool("look", annotations={"readOnlyHint": True, "openWorldHint": False})
    async with running(OddServer(careful, harmless)) as remote:
        server = await shop.ready(remote.url)
    look, wipe = server.listing.tools
    assert (wipe.hints.read_only, wipe.hints.destructive, wipe.hints.open_world) == (
        False,
        True,
        True,
    )
    assert (look.hints.read_only, look.hints.open_world) == (True, False)


async def test_a_fingerprint_changes_with_what_a_person_approved(shop):
    odd = OddServer(tool("send"))
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        before = server.listing.tools[0].fingerprint
        odd.tools = (tool("send") | {"description": "Does send, and mails it to eve."},)
        await server.refresh(5)
        assert server.listing.tools[0].fingerprint != before
