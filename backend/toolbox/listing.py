"""Asking a server what it offers: every page, with limits.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import mcp_types as types
import structlog
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from backend.toolbox.attempt import current
from backend.toolbox.records import (
    Listing,
    ProblemError,
    PromptArgument,
    RemotePrompt,
    RemoteResource,
    RemoteTool,
    ToolHints,
)

_MOST_PAGES = 200
_MOST_ITEMS = 5000
_DESCRIPTION = 10_000
_ABOUT = 1000
"""For people alone: no model reads it."""
_NAME = 200
_LONGEST_NAME = 300
"""Of a tool; what is longer, or empty, could be neither switched nor approved."""
_LARGEST_LIST = 32_000_000
"""Bytes of all its pages; each may be as large as an answer, and all are held for a moment."""
_NO_EXTRAS = (MCPError, ValidationError, TimeoutError, ProblemError)
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_LARGEST_NUMBER = 10**300

_log = structlog.get_logger()


class _Page(Protocol):
    next_cursor: str | None


async def listed(client: Client, seconds: float) -> Listing:
    """`seconds`: for each page. Raises MCPError, ValidationError, TimeoutError, ProblemError where
    the tools cannot be had. Prompts and resources are extras: without them these are as usable."""
    offers = client.server_capabilities
    ttl: list[int] = []

    async def tools(cursor: str | None) -> types.ListToolsResult:
        page = await client.list_tools(cursor=cursor)
        ttl.append(page.ttl_ms)
        return page

    found = [
        _tool(tool)
        for page in await _pages(tools, seconds)
        for tool in page.tools
        if 0 < len(tool.name) <= _LONGEST_NAME
    ]
    prompts: list[RemotePrompt] = []
    resources: list[RemoteResource] = []
    with suppress(*_NO_EXTRAS):
        if offers.prompts is not None:
            pages = await _pages(lambda cursor: client.list_prompts(cursor=cursor), seconds)
            prompts = [_prompt(prompt) for page in pages for prompt in page.prompts]
    with suppress(*_NO_EXTRAS):
        if offers.resources is not None:
            plain = await _pages(lambda cursor: client.list_resources(cursor=cursor), seconds)
            resources += [_resource(one) for page in plain for one in page.resources]
            models = await _pages(
                lambda cursor: client.list_resource_templates(cursor=cursor), seconds
            )
            resources += [_template(one) for page in models for one in page.resource_templates]
    return Listing(
        tuple(_unique(found)[:_MOST_ITEMS]),
        tuple(prompts[:_MOST_ITEMS]),
        tuple(resources[:_MOST_ITEMS]),
        ttl=min(ttl) / 1000 if any(ttl) else None,
    )


async def _pages[P: _Page](ask: Callable[[str | None], Awaitable[P]], seconds: float) -> list[P]:
    pages: list[P] = []
    seen: set[str | None] = {None}
    cursor: str | None = None
    attempt = current.get()
    before = attempt.received if attempt is not None else 0
    while len(pages) < _MOST_PAGES:
        try:
            async with asyncio.timeout(seconds):
                page = await ask(cursor)
        except MCPError as error:
            if error.code == types.METHOD_NOT_FOUND and not pages:
                return []  # it has none of these, which is no fault
            raise
        if attempt is not None and attempt.received - before > _LARGEST_LIST:
            raise ProblemError("what it offers is too much to be listed", is_lasting=True)
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
    output = _plain(tool.output_schema)
    if tool.output_schema is not None:
        # The SDK keeps this very object and would check every result against it on the event
        # loop, for as long as a stranger's schema makes that take. `results` checks with limits.
        tool.output_schema.clear()
    hints = tool.annotations or types.ToolAnnotations()
    return RemoteTool(
        name=tool.name,
        title=(tool.title or hints.title or "")[:200],
        description=(tool.description or "")[:_DESCRIPTION],
        input_schema=_plain(tool.input_schema),
        output_schema=output,
        hints=ToolHints(
            read_only=hints.read_only_hint is True,
            destructive=hints.destructive_hint is not False,
            idempotent=hints.idempotent_hint is True,
            open_world=hints.open_world_hint is not False,
        ),
    )


def _plain(value: Any) -> Any:
    """A copy with whole numbers as everybody else reads them: those beyond 64 bits are Python's
    alone, and nothing that holds one could be sent on."""
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case int() if not _SMALLEST <= value <= _LARGEST:
            return float(max(min(value, _LARGEST_NUMBER), -_LARGEST_NUMBER))
    return value


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
