"""The household's tools for programs: those that run without a person's yes, as their servers
describe them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp_types import ImageContent

import backend.toolbox.session
import backend.toolbox.troubles  # noqa: F401  # what the registry loads in a thread
from backend.auth.members import PersonChange
from backend.auth.people import Caller, Limits, User
from backend.auth.sign_in import Proof
from backend.container import Services
from backend.settings import Settings
from backend.toolbox.connection import Connection
from backend.toolbox.context import Choice
from tests.chat.household import in_the_file
from tests.conftest import HERE, PASSWORD, make_settings
from tests.fakes.mcp_household import READS_OURS, HouseholdServer
from tests.fakes.mcp_server import Running, modern, running
from tests.fakes.waiting import until
from tests.mcp_endpoint.programs import COMPLETIONS, Programs, answer, text_of, words

MAIL = {"to": "bob@house.example", "text": "dinner"}


@pytest.fixture
def house() -> HouseholdServer:
    return HouseholdServer()


class Hall:
    """A server whose only tool waits until nobody waits for it."""

    def __init__(self) -> None:
        self.entered, self.left = asyncio.Event(), asyncio.Event()
        server: MCPServer[Any] = MCPServer("hall", log_level="CRITICAL")
        server.add_tool(self.wait, annotations=READS_OURS)
        self.app = server.streamable_http_app()

    async def wait(self) -> str:
        """Waits."""
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return ""


@pytest.fixture
async def hall() -> Hall:
    return Hall()


@pytest.fixture
async def remotes(house: HouseholdServer, hall: Hall) -> AsyncGenerator[dict[str, Running]]:
    async with (
        running(house.app) as household,
        running(modern()) as workshop,
        running(hall.app) as third,
    ):
        yield {"household": household, "workshop": workshop, "hall": third}


@pytest.fixture
async def settings(tmp_path: Path, remotes: dict[str, Running]) -> Settings:
    made = make_settings(tmp_path, demo_tools=True)
    made = made.model_copy(
        update={"edge": made.edge.model_copy(update={"lan_allow": ("127.0.0.0/8",)})}
    )
    in_the_file(made, **{name: remote.url for name, remote in remotes.items()})
    return made


@pytest.fixture
async def ready(programs: Programs) -> Programs:
    connections = programs.services.tool_servers.connections
    for name in ("household", "workshop", "hall"):
        await until(partial(is_there, connections, name))
    return programs


def is_there(connections: Mapping[str, Connection], name: str) -> bool:
    return name in connections and connections[name].session is not None


async def choose(services: Services, user: User, tool: str, choice: Choice | None) -> None:
    server, _, name = tool.rpartition("/")
    await services.tool_servers.decisions.choose(user.id, (server, name), choice)


async def offered(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_program_uses_what_runs_without_asking(ready: Programs, mode: str) -> None:
    async with ready.connected(mode=mode) as client:
        assert await offered(client) & {"thermometer", "read_mail", "send_mail", "echo"} == {
            "thermometer"
        }
        assert text_of(await client.call_tool("thermometer")) == "21 degrees"


async def test_what_asks_is_neither_offered_nor_run_and_says_how_it_could_be(
    ready: Programs, house: HouseholdServer, services: Services, owner: User
) -> None:
    async with ready.connected() as client:
        with pytest.raises(MCPError, match="send_mail asks a person before it runs"):
            await client.call_tool("send_mail", MAIL)
        await choose(services, owner, "household/send_mail", "deny")
        with pytest.raises(MCPError, match="does not allow send_mail"):
            await client.call_tool("send_mail", MAIL)
        assert house.sent == []
        await choose(services, owner, "household/send_mail", "allow")
        assert "send_mail" in await offered(client)
        assert text_of(await client.call_tool("send_mail", MAIL)) == "sent"
    assert house.sent == [("bob@house.example", "dinner")]


async def test_what_one_person_lets_run_does_not_run_for_another(
    ready: Programs, house: HouseholdServer, services: Services, owner: User
) -> None:
    bob = await services.auth.add("bob", PASSWORD, "Bob", role="adult")
    await choose(services, owner, "household/send_mail", "allow")
    async with ready.connected(await ready.key(user=bob)) as client:
        assert "send_mail" not in await offered(client)
        with pytest.raises(MCPError, match="asks a person"):
            await client.call_tool("send_mail", MAIL)
    assert house.sent == []


async def test_a_tool_outside_a_persons_limits_is_not_there(
    ready: Programs, services: Services, owner: User
) -> None:
    bob = await services.auth.add("bob", PASSWORD, "Bob", role="child")
    change = PersonChange(role="child", limits=Limits(tools=("workshop/*",)))
    caller = Caller(owner, "session", "session_of_a_test")
    await services.household.change(caller, bob.id, change, origin=HERE)
    pair = await services.auth.login_program(Proof("bob", PASSWORD), HERE)
    async with ready.connected(pair.access) as client:
        assert await offered(client) & {"thermometer", "demo_echo"} == set()
        with pytest.raises(MCPError, match="no tool named thermometer"):
            await client.call_tool("thermometer")


async def test_hints_schemas_and_where_words_come_from_are_carried_over(
    ready: Programs, services: Services, owner: User
) -> None:
    for name in ("household/read_mail", "household/send_mail", "workshop/add"):
        await choose(services, owner, name, "allow")
    async with ready.connected() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        mail, add = tools["send_mail"], tools["add"]
        assert mail.annotations is not None
        assert (mail.annotations.read_only_hint, mail.annotations.destructive_hint) == (False, True)
        assert mail.input_schema["required"] == ["to", "text"]
        assert (tools["read_mail"].meta or {})["parlor/untrusted"]
        assert "parlor/untrusted" not in (tools["thermometer"].meta or {})
        assert add.output_schema is not None
        assert add.output_schema["properties"]["total"]["type"] == "integer"
        assert answer(await client.call_tool("add", {"a": 2, "b": 3})) == {"total": 5}


async def test_pictures_failures_and_wrong_arguments_arrive_as_what_they_are(
    ready: Programs, services: Services, owner: User
) -> None:
    for name in ("mixed", "fail", "add"):
        await choose(services, owner, f"workshop/{name}", "allow")
    async with ready.connected() as client:
        mixed = await client.call_tool("mixed")
        assert any(isinstance(part, ImageContent) for part in mixed.content)
        assert "Error executing tool fail" in words(await client.call_tool("fail"))
        assert "a" in words(await client.call_tool("add", {"a": "many", "b": 1}))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_of_a_household_tool_reaches_the_program(
    ready: Programs, services: Services, owner: User, mode: str
) -> None:
    await choose(services, owner, "workshop/steps", "allow")
    heard: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with ready.connected(mode=mode) as client:
        steps = {"count": 3, "seconds": 0.3}
        answer(await client.call_tool("steps", steps, progress_callback=on_progress))
    assert heard[0] == (1 / 3, 1.0, "step 1")
    assert [one[0] for one in heard] == sorted({one[0] for one in heard})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_hangs_up_ends_the_call_on_the_server(
    ready: Programs, hall: Hall, mode: str
) -> None:
    """A program of the older handshake does so by closing its connection."""
    async with ready.connected(mode=mode) as client:
        call = asyncio.ensure_future(client.call_tool("wait"))
        await asyncio.wait_for(hall.entered.wait(), 5)
        call.cancel()
        if mode == "auto":
            await asyncio.wait_for(hall.left.wait(), 5)
    await asyncio.wait_for(hall.left.wait(), 5)


async def test_prompts_of_servers_are_filled_in_for_programs(ready: Programs) -> None:
    async with ready.connected() as client:
        [prompt] = (await client.list_prompts()).prompts
        assert prompt.name == "workshop/greet"
        assert [(one.name, one.required) for one in prompt.arguments or ()] == [("name", True)]
        filled = await client.get_prompt("workshop/greet", {"name": "Mia"})
        assert filled.messages[0].content.text == "Say hello to Mia."  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="has no prompt"):
            await client.get_prompt("workshop/nonsense")
    async with ready.connected(await ready.key("chat")) as client:
        assert (await client.list_prompts()).prompts == []
        with pytest.raises(MCPError, match="There is no prompt"):
            await client.get_prompt("workshop/greet", {"name": "Mia"})


async def test_a_key_uses_only_what_it_was_made_for(ready: Programs) -> None:
    async with ready.connected(await ready.key("chat")) as client:
        names = await offered(client)
        assert COMPLETIONS in names
        assert "demo_echo" in names  # Parlor's own are about what the scope chat is about
        assert "thermometer" not in names
        with pytest.raises(MCPError, match="wants the scope tools"):
            await client.call_tool("thermometer")
    async with ready.connected(await ready.key("tools")) as client:
        names = await offered(client)
        assert COMPLETIONS not in names
        assert "demo_echo" not in names
        assert "thermometer" in names
        with pytest.raises(MCPError, match="wants the scope chat"):
            await client.call_tool("demo_echo", {"text": "x"})
        assert "wants the scope chat" in words(await client.call_tool(COMPLETIONS, {}))
        assert (await client.list_resources()).resources == []


async def test_a_tool_that_is_not_there_is_a_plain_refusal(ready: Programs) -> None:
    async with ready.connected() as client:
        with pytest.raises(MCPError, match="There is no tool named nonsense"):
            await client.call_tool("nonsense")
