"""Asking a server what it offers: every page, with limits.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import mcp_types as types
import structlog
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from backend.toolbox.records import (
    Listing,
    PromptArgument,
    RemotePrompt,
    RemoteResource,
    RemoteTool,
    ToolHints,
)

LIST_SECONDS = 10.0
_MOST_PAGES = 200
_MOST_ITEMS = 5000
_DESCRIPTION = 10_000
_ABOUT = 1000
"""For people alone: no model reads it."""
_NAME = 200

_log = structlog.get_logger()


class _Page(Protocol):
    next_cursor: str | None


async def listed(client: Client) -> Listing:
    """Raises MCPError, ValidationError, TimeoutError where the tools cannot be had. Prompts and
    resources are extras: without them the tools are as usable."""
    offers = client.server_capabilities
    ttl: list[int] = []

    async def tools(cursor: str | None) -> types.ListToolsResult:
        page = await client.list_tools(cursor=cursor)
        ttl.append(page.ttl_ms)
        return page

    found = [_tool(tool) for page in await _pages(tools) for tool in page.tools]
    prompts: list[RemotePrompt] = []
    resources: list[RemoteResource] = []
    with suppress(MCPError, ValidationError, TimeoutError):
        if offers.prompts is not None:
            pages = await _pages(lambda cursor: client.list_prompts(cursor=cursor))
            prompts = [_prompt(prompt) for page in pages for prompt in page.prompts]
    with suppress(MCPError, ValidationError, TimeoutError):
        if offers.resources is not None:
            plain = await _pages(lambda cursor: client.list_resources(cursor=cursor))
            resources += [_resource(one) for page in plain for one in page.resources]
            models = await _pages(lambda cursor: client.list_resource_templates(cursor=cursor))
            resources += [_template(one) for page in models for one in page.resource_templates]
    return Listing(
        tuple(_unique(found)[:_MOST_ITEMS]),
        tuple(prompts[:_MOST_ITEMS]),
        tuple(resources[:_MOST_ITEMS]),
        ttl=min(ttl) / 1000 if any(ttl) else None,
    )


async def _pages[P: _Page](ask: Callable[[str | None], Awaitable[P]]) -> list[P]:
    pages: list[P] = []
    seen: set[str | None] = {None}
    cursor: str | None = None
    while len(pages) < _MOST_PAGES:
        try:
            async with asyncio.timeout(LIST_SECONDS):
                page = await ask(cursor)
        except MCPError as error:
            if error.code == types.METHOD_NOT_FOUND and not pages:
                return []  # it has none of these, which is no fault
            raise
        pages.append(page)
        cursor = page.next_cursor
        if cursor in seen:  # the end, or a paginator that runs in circles
            return pages
        seen.add(cursor)
    _log.warning("tool_server_pages_without_end")
    return pages


def _unique(tools: list[RemoteTool]) -> list[RemoteTool]:
    """By name, the first of each; sorted, so that what a model is told does not wander."""
    first = {tool.name: tool for tool in reversed(tools)}
    return [first[name] for name in sorted(first)]


def _tool(tool: types.Tool) -> RemoteTool:
    schema = tool.output_schema
    output = copy.deepcopy(schema) if schema is not None else None
    if schema is not None:
        # The SDK keeps this very object and would check every result against it on the event
        # loop, for as long as a stranger's schema makes that take. `results` checks with limits.
        schema.clear()
    hints = tool.annotations or types.ToolAnnotations()
    return RemoteTool(
        name=tool.name,
        title=(tool.title or hints.title or "")[:200],
        description=(tool.description or "")[:_DESCRIPTION],
        input_schema=tool.input_schema,
        output_schema=output,
        hints=ToolHints(
            read_only=hints.read_only_hint is True,
            destructive=hints.destructive_hint is not False,
            idempotent=hints.idempotent_hint is True,
            open_world=hints.open_world_hint is not False,
        ),
    )


def _prompt(prompt: types.Prompt) -> RemotePrompt:
    return RemotePrompt(
        prompt.name,
        (prompt.title or "")[:_NAME],
        (prompt.description or "")[:_ABOUT],
        tuple(
            PromptArgument(one.name, (one.description or "")[:1000], one.required is True)
            for one in (prompt.arguments or ())[:50]
        ),
    )


def _resource(one: types.Resource) -> RemoteResource:
    return _any_resource(one.uri, one, is_template=False)


def _template(one: types.ResourceTemplate) -> RemoteResource:
    return _any_resource(one.uri_template, one, is_template=True)


def _any_resource(
    uri: str, one: types.Resource | types.ResourceTemplate, *, is_template: bool
) -> RemoteResource:
    return RemoteResource(
        uri,
        one.name[:_NAME],
        (one.title or "")[:_NAME],
        (one.description or "")[:_ABOUT],
        (one.mime_type or "")[:_NAME],
        is_template,
    )
