"""The test toolkit: a tool for every behaviour a client must bear."""

import struct
import zlib
from base64 import b64encode
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp_types import ImageContent, ResourceLink
from pydantic import BaseModel, Field

from backend.kit.clock import Clock, SystemClock
from backend.kit.errors import InvalidInputError
from backend.kit.schedule import pause
from backend.mcp_servers.stdio import run_as_module
from backend.mcp_servers.toolset import ADDS, READS, Toolset
from backend.settings import Settings

_LONGEST = 300
_LARGEST = 10_000_000
_GREETING = "parlor-test://greeting"


class Echo(BaseModel):
    message: str


class Now(BaseModel):
    time: str = Field(description="ISO 8601, UTC")


class Slept(BaseModel):
    seconds: float


class Counted(BaseModel):
    steps: int


class Order(BaseModel):
    """What the person is asked for."""

    drink: Annotated[str, Field(min_length=1, max_length=40, title="Drink")]
    cups: Annotated[int, Field(ge=1, le=12, title="Cups")] = 1


class Ordered(BaseModel):
    order: str


class Big(BaseModel):
    text: str


def build(settings: Settings, *, clock: Clock | None = None) -> MCPServer[Any]:
    tools = Toolset()
    _add_plain(tools, clock or SystemClock())
    _add_slow(tools)
    _add_question(tools)
    _add_content(tools)
    server = tools.server(
        "test-toolkit",
        title="Test toolkit",
        instructions="For trying a client out. Nothing here has any effect.",
        token=settings.mcp_servers.token,
    )
    _add_resource_and_prompt(server)
    return server


def _add_plain(tools: Toolset, clock: Clock) -> None:
    @tools.tool(READS, title="Echo")
    async def test_echo(message: Annotated[str, Field(max_length=10_000)]) -> Echo:
        """Answer with the message."""
        return Echo(message=message)

    @tools.tool(READS, title="Current time")
    async def current_time() -> Now:
        """The current time in UTC."""
        return Now(time=clock.now().isoformat(timespec="seconds"))

    @tools.tool(READS, title="Fail")
    async def fail(
        message: Annotated[str, Field(max_length=1000)] = "This tool fails on purpose.",
    ) -> Echo:
        """Fail with the message."""
        raise InvalidInputError(message)

    @tools.tool(READS, title="Crash")
    async def crash() -> Echo:
        """Fail as a tool with a bug does; the reason must not reach the client."""
        raise RuntimeError("a secret of the server")


def _add_slow(tools: Toolset) -> None:
    @tools.tool(READS, title="Wait", deadline=_LONGEST + 10)
    async def wait(
        seconds: Annotated[float, Field(ge=0, le=_LONGEST, description="how long")],
    ) -> Slept:
        """Answer after some seconds, unless the call is cancelled before."""
        await pause(seconds)
        return Slept(seconds=seconds)

    @tools.tool(READS, title="Report progress", deadline=_LONGEST + 10)
    async def count(
        ctx: Context[Any, Any],
        steps: Annotated[int, Field(ge=1, le=1000)] = 5,
        seconds_each: Annotated[float, Field(ge=0, le=10)] = 0.1,
    ) -> Counted:
        """Report progress step by step."""
        for step in range(1, steps + 1):
            await pause(seconds_each)
            await ctx.report_progress(step, steps, f"step {step} of {steps}")
        return Counted(steps=steps)


async def _ask_for_order() -> Elicit[Order]:
    return Elicit("What would you like to drink?", Order)


def _add_question(tools: Toolset) -> None:
    @tools.tool(ADDS, title="Ask the person", deadline=_LONGEST)
    async def ask(order: Annotated[Order, Resolve(_ask_for_order)]) -> Ordered:
        """Ask the person a question with a form. Refusing it fails the call."""
        return Ordered(order=f"{order.cups} x {order.drink}")


def _add_content(tools: Toolset) -> None:
    @tools.tool(READS, title="Big output")
    async def big_output(
        size: Annotated[int, Field(ge=1, le=_LARGEST, description="bytes")] = 1_000_000,
    ) -> Big:
        """Answer with that many bytes of text."""
        line = "All work and no play makes a long answer.\n"
        return Big(text=(line * (size // len(line) + 1))[:size])

    @tools.tool(READS, title="Picture")
    async def show_picture() -> ImageContent:
        """A small green PNG."""
        return ImageContent(
            type="image", data=b64encode(square(16, (0, 128, 0))).decode(), mime_type="image/png"
        )

    @tools.tool(READS, title="Link")
    async def link_resource() -> ResourceLink:
        """A link to this server's resource."""
        return ResourceLink(
            type="resource_link", uri=_GREETING, name="greeting", mime_type="text/plain"
        )


def _add_resource_and_prompt(server: MCPServer[Any]) -> None:
    @server.resource(
        _GREETING, name="greeting", description="A friendly line.", mime_type="text/plain"
    )
    async def greeting() -> str:
        return "Hello from the test toolkit."

    @server.prompt(title="Greet somebody")
    async def greet(name: str = "you") -> str:
        """Ask for a greeting."""
        return f"Write one friendly line that greets {name}."


def square(side: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * side) * side
    pixels = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


if __name__ == "__main__":
    run_as_module("test-toolkit")
