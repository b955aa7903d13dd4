"""What every tool of every server owes the model that reads about it."""

import json

import anyio.to_thread
import pytest
from mcp_types import Tool

from backend.mcp_servers.shipped import RESERVED, SHIPPED, Shipped
from tests.mcp_servers.calling import calling
from tests.mcp_servers.conftest import WithSettings

EACH = pytest.mark.parametrize("shipped", SHIPPED, ids=[server.id for server in SHIPPED])
VERBS = (
    *("append", "ask", "big", "calculate", "convert", "count", "crash", "create", "current"),
    *("delete", "describe", "fail", "fetch", "find", "get", "link", "list", "read", "rename"),
    *("replace", "search", "shift", "show", "summarise", "test", "wait"),
)
WRITES = {"append_to_note", "create_note", "replace_note", "rename_note", "delete_note", "ask"}


async def tools_of(shipped: Shipped, mcp_settings: WithSettings) -> list[Tool]:
    server = await anyio.to_thread.run_sync(shipped.build, mcp_settings())
    async with calling(server) as caller:
        return (await caller.client.list_tools()).tools


def test_ports_are_as_announced() -> None:
    assert {server.id: server.port(9000) for server in SHIPPED} == {
        "housekeeping": 9001,
        "notes": 9002,
        "calculator": 9003,
        "pdf": 9007,
        "weather": 9009,
        "web": 9011,
        "test-toolkit": 9013,
    }
    assert set(RESERVED) == {4, 5, 6, 8, 10, 12}
    assert {server.port(0) for server in SHIPPED} == {0}


@EACH
async def test_a_server_has_twelve_tools_at_most_in_a_fixed_order(
    shipped: Shipped, mcp_settings: WithSettings
) -> None:
    first = [tool.name for tool in await tools_of(shipped, mcp_settings)]
    assert 1 <= len(first) <= 12
    assert first == [tool.name for tool in await tools_of(shipped, mcp_settings)]


@EACH
async def test_every_tool_says_what_it_does_and_what_it_changes(
    shipped: Shipped, mcp_settings: WithSettings
) -> None:
    for tool in await tools_of(shipped, mcp_settings):
        assert tool.name.split("_")[0] in VERBS, tool.name
        assert tool.description
        assert tool.title
        hints = tool.annotations
        assert hints
        assert hints.read_only_hint is (tool.name not in WRITES), tool.name
        assert None not in (hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert tool.output_schema or tool.name in ("show_picture", "link_resource")


@EACH
async def test_every_argument_is_bounded_and_unknown_ones_are_refused(
    shipped: Shipped, mcp_settings: WithSettings
) -> None:
    for tool in await tools_of(shipped, mcp_settings):
        schema = tool.input_schema
        assert schema["additionalProperties"] is False, tool.name
        for name, about in schema.get("properties", {}).items():
            written = json.dumps(about)
            is_bounded = any(
                bound in written
                for bound in (
                    "maxLength",
                    "maximum",
                    "maxItems",
                    "enum",
                    "boolean",
                    "pattern",
                    "$ref",
                )
            )
            assert is_bounded, f"{tool.name}({name})"


async def test_lists_say_how_long_they_hold(mcp_settings: WithSettings) -> None:
    shipped = next(server for server in SHIPPED if server.id == "calculator")
    server = await anyio.to_thread.run_sync(shipped.build, mcp_settings())
    async with calling(server) as caller:
        listed = await caller.client.list_tools()
    assert listed.ttl_ms
    assert listed.cache_scope == "public"
