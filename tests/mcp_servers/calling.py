"""Calling a tool as a client does."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from mcp import Client
from mcp.server import MCPServer
from mcp_types import TextContent

from backend.settings import Settings


class Caller:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def ok(self, tool: str, **arguments: object) -> Any:
        """The structured result."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def refused(self, tool: str, **arguments: object) -> str:
        """What the model is told."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        words = result.content[0]
        assert isinstance(words, TextContent)
        return words.text


class OneByOne:
    """A client for each call: for fixtures, which may not hold one open."""

    def __init__(self, server: MCPServer[Any]) -> None:
        self._server = server

    async def ok(self, tool: str, **arguments: object) -> Any:
        async with calling(self._server) as caller:
            return await caller.ok(tool, **arguments)

    async def refused(self, tool: str, **arguments: object) -> str:
        async with calling(self._server) as caller:
            return await caller.refused(tool, **arguments)


@asynccontextmanager
async def calling(server: MCPServer[Any]) -> AsyncGenerator[Caller]:
    """In this process, without a transport."""
    async with Client(server) as client:
        yield Caller(client)


async def built(build: Callable[[Settings], MCPServer[Any]], settings: Settings) -> OneByOne:
    """In a thread, for building makes folders."""
    return OneByOne(await anyio.to_thread.run_sync(build, settings))
