"""What our servers have in common: how a tool is declared, and what its failures say."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, override

import anyio.to_thread
from mcp.server import CacheHint, MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    ToolAnnotations,
)
from pydantic import SecretStr, ValidationError

from backend.kit.errors import AppError
from backend.kit.version import VERSION

READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
READS_THE_WORLD = READS.model_copy(update={"open_world_hint": True})
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
CHANGES = ADDS.model_copy(update={"destructive_hint": True})

UNTRUSTED = "parlor/untrusted"
"""In a tool's `_meta`: what it returns was written by strangers."""

_DEADLINE = 30
"""Seconds; less than any client waits, so that the model hears the reason."""
_LISTS_ARE_FRESH_MS = 3_600_000
"""Tools change with a release only."""

_NO_QUESTIONS = (
    "This tool has a question for the person, which this connection cannot carry: connect with"
    " protocol 2026-07-28, or over stdio."
)


class Toolset:
    """Collects a server's tools in the order they will be listed."""

    def __init__(self) -> None:
        self._tools: list[Tool] = []

    def tool[**P, R](
        self,
        kind: ToolAnnotations,
        *,
        title: str,
        deadline: float = _DEADLINE,
        untrusted: bool = False,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Declare a function as a tool: its docstring describes it, its return type is the schema.

        A plain function runs in a thread. An AppError's `detail` is for the model.
        """

        def declare(function: Callable[P, R]) -> Callable[P, R]:
            tool = Tool.from_function(
                _bounded(function, deadline),
                title=title,
                annotations=kind.model_copy(update={"title": title}),
                meta={UNTRUSTED: True} if untrusted else None,
            )
            _refuse_unknown_arguments(tool)
            self._tools.append(tool)
            return function

        return declare

    def server(
        self,
        name: str,
        *,
        title: str,
        instructions: str,
        token: SecretStr | None = None,
        closing: Callable[[], Awaitable[None]] | None = None,
    ) -> MCPServer[Any]:
        """`closing` runs when the server stops."""

        @asynccontextmanager
        async def lifespan(_server: MCPServer[Any]) -> AsyncGenerator[None]:
            try:
                yield
            finally:
                if closing:
                    await closing()

        return _Server(
            name,
            title=title,
            instructions=instructions,
            version=VERSION,
            tools=self._tools,
            cache_hints={
                "tools/list": _fresh(),
                "prompts/list": _fresh(),
                "resources/list": _fresh(),
                "resources/templates/list": _fresh(),
            },
            request_state_security=_question_seal(token),
            lifespan=lifespan,
        )


class _Server(MCPServer[Any]):
    """Says what is wrong in our own words: no prefix, no library's name, no link."""

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except NoBackChannelError as error:
            raise ToolError(_NO_QUESTIONS) from error
        except ToolError as error:
            match error.__cause__:
                case ValidationError() as cause:
                    raise ToolError(_wrong_arguments(cause)) from None
                case ToolError() as cause:
                    raise ToolError(str(cause)) from None
            raise

    @override
    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Any, Any] | None = None,
    ) -> GetPromptResult | InputRequiredResult:
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:  # a name or an argument that is not there
            raise MCPError(code=INVALID_PARAMS, message=str(error)[:300]) from None


def _bounded[**P, R](function: Callable[P, R], deadline: float) -> Callable[P, Awaitable[object]]:
    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> object:
        try:
            async with asyncio.timeout(deadline):
                if iscoroutinefunction(function):
                    return await function(*args, **kwargs)
                return await anyio.to_thread.run_sync(
                    partial(function, *args, **kwargs), abandon_on_cancel=True
                )
        except AppError as error:
            raise ToolError(error.detail) from error
        except TimeoutError as error:
            raise ToolError(
                f"{function.__name__} gave no answer within {deadline:g} seconds; ask for less."
            ) from error

    return run


def _refuse_unknown_arguments(tool: Tool) -> None:
    """A misspelt option that is silently ignored makes a wrong answer look right."""
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = {**tool.parameters, "additionalProperties": False}


def _wrong_arguments(error: ValidationError) -> str:
    found: Sequence[str] = [
        f"{'.'.join(str(step) for step in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "These arguments are wrong: " + "; ".join(found)


def _fresh() -> CacheHint:
    return CacheHint(ttl_ms=_LISTS_ARE_FRESH_MS, scope="public")


def _question_seal(token: SecretStr | None) -> RequestStateSecurity:
    """A question to the person must survive our restart, so its key comes from what stays."""
    if token is None:
        return RequestStateSecurity.ephemeral()
    secret = b"parlor mcp request state\0" + token.get_secret_value().encode()
    return RequestStateSecurity(keys=[hashlib.sha256(secret).digest()])
