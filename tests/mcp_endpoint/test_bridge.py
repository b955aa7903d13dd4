"""`parlor mcp connect`, started as other programs start their tool servers, by the SDK's client."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from backend.providers.base import TextDelta
from tests.fakes.scripted import ScriptedProvider, text
from tests.mcp_endpoint.programs import COMPLETIONS, Programs, answer, asking

PARLOR = str(Path(sys.executable).with_name("parlor"))


def command(url: str, key: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=PARLOR, args=["mcp", "connect", "--url", url], env={"PARLOR_API_KEY": key}
    )


@asynccontextmanager
async def bridged(
    programs: Programs, *, key: str | None = None, mode: str = "auto"
) -> AsyncGenerator[Client]:
    given = command(programs.url.removesuffix("/mcp"), key or await programs.key())
    async with Client(stdio_client(given), mode=mode, cache=None) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_program_that_starts_commands_talks_to_a_running_parlor(
    programs: Programs, provider: ScriptedProvider, mode: str
) -> None:
    heard: list[str | None] = []
    was_heard = asyncio.Event()
    provider.says([TextDelta("Hello"), was_heard, *text(" ünïcode")])

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)
        was_heard.set()

    async with bridged(programs, mode=mode) as client:
        assert client.server_info is not None
        assert client.server_info.title == "Parlor"
        assert COMPLETIONS in {tool.name for tool in (await client.list_tools()).tools}
        said = await client.call_tool(COMPLETIONS, asking(), progress_callback=on_progress)
        assert answer(said)["message"]["content"] == "Hello ünïcode"
    assert heard[0] == "5 characters so far"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_cancelled_call_stops_the_model(
    programs: Programs, provider: ScriptedProvider, mode: str
) -> None:
    provider.says([TextDelta("so"), asyncio.Event()], text("next"))
    async with bridged(programs, mode=mode) as client:
        call = asyncio.ensure_future(client.call_tool(COMPLETIONS, asking()))
        await provider.was_asked()
        call.cancel()
        await provider.is_idle()
        assert answer(await client.call_tool(COMPLETIONS, asking()))


async def test_many_calls_go_through_at_once(
    programs: Programs, provider: ScriptedProvider
) -> None:
    gate = asyncio.Event()
    provider.always = [gate, *text("done")]
    async with bridged(programs) as client:
        calls = [asyncio.ensure_future(client.call_tool(COMPLETIONS, asking())) for _ in range(5)]
        await provider.was_asked(5)
        gate.set()
        assert all(not result.is_error for result in await asyncio.gather(*calls))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_wrong_key_is_said_in_words(programs: Programs, mode: str) -> None:
    with pytest.RaisesGroup(MCPError, flatten_subgroups=True, allow_unwrapped=True) as refused:
        async with bridged(programs, key="parlor_key_wrong", mode=mode):
            pass
    assert "does not take the key" in _words(refused.value)


async def test_a_parlor_that_is_not_there_is_said_in_words() -> None:
    given = command("http://127.0.0.1:9", "parlor_key_any")
    with pytest.RaisesGroup(MCPError, flatten_subgroups=True, allow_unwrapped=True) as refused:
        async with Client(stdio_client(given), mode="legacy", cache=None):
            pass
    assert "cannot be reached" in _words(refused.value)


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def spoken(lines: bytes, *arguments: str, key: str = "x") -> tuple[int, bytes, bytes]:
    """What the command does with lines on its standard input."""
    process = await asyncio.create_subprocess_exec(
        *(PARLOR, "mcp", "connect", *arguments),
        env={"PARLOR_API_KEY": key},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(lines), 15)
    return process.returncode or 0, out, err


async def test_lines_from_a_pipe_are_answered_before_it_ends(programs: Programs) -> None:
    lines: list[Any] = [
        {"jsonrpc": "2.0", "id": "a", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        "no message",
    ]
    given = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n\n{\n"
    status, out, _ = await spoken(given, "--url", programs.url, key=await programs.key())
    answers = {str(one["id"]): one for one in map(json.loads, out.splitlines())}
    assert status == 0
    assert answers["a"]["result"] == {}
    assert answers["None"]["error"]["code"] == -32700
    assert len(out.splitlines()) == 3


@pytest.mark.parametrize(
    ("url", "key", "hint"),
    [
        ("https://parlor.example", "", b"Set PARLOR_API_KEY"),
        ("parlor.example", "x", b"no address of a Parlor"),
    ],
)
async def test_what_is_missing_is_said_in_words(url: str, key: str, hint: bytes) -> None:
    status, _, err = await spoken(b"", "--url", url, key=key)
    assert status == 1
    assert hint in err
    assert b"Traceback" not in err
