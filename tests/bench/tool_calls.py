"""Calls one echo tool, in turns by the SDK's own client and through Parlor's; prints the medians.

python -m tests.bench.tool_calls URL COUNT
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from mcp import Client

from backend.kit.clock import SystemClock
from backend.toolbox.calls import Calls
from backend.toolbox.connection import Connection
from backend.toolbox.context import NOBODY
from backend.toolbox.dialling import Doors
from backend.toolbox.records import Address, ServerDefinition

TOOL, WORD = "test_echo", "hello"
_WARM = 20


async def compared(url: str, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as homes:
        doors, clock = Doors(None, Path(homes)), SystemClock()
        definition = ServerDefinition("bench", "file", Address(url))

        async def opened() -> Doors:
            return doors

        server, calls = Connection(definition, opened, clock, lambda _: None), Calls(clock)
        server.start()
        try:
            await server.settlement(10)
            tool = next(tool for tool in server.listing.tools if tool.name == TOOL)

            async def through_parlor() -> None:
                outcome = await calls.call(server, tool, {"message": WORD}, NOBODY)
                assert WORD in outcome.text, outcome.text

            async with Client(url) as client:

                async def directly() -> None:
                    result = await client.call_tool(TOOL, {"message": WORD})
                    assert not result.is_error

                return await _in_turns(directly, through_parlor, count)
        finally:
            await server.aclose()
            await calls.aclose()
            await doors.aclose()


async def _in_turns(
    directly: Callable[[], Awaitable[None]], parlor: Callable[[], Awaitable[None]], count: int
) -> dict[str, float]:
    times: dict[str, list[float]] = {"sdk": [], "parlor": []}
    for number in range(count + _WARM):
        for name, call in (("sdk", directly), ("parlor", parlor)):
            began = time.perf_counter()
            await call()
            if number >= _WARM:
                times[name].append((time.perf_counter() - began) * 1000)
    return {name: median(all_of) for name, all_of in times.items()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(compared(sys.argv[1], int(sys.argv[2])))))
