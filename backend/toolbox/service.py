"""Tools that a model may call, with a deadline and an output cap each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson
import structlog

from backend.kit.errors import AppError
from backend.messages import JsonObject, ToolCall, ToolReturn, ToolSpec

DEADLINE_SECONDS = 120
_OUTPUT_CHARACTERS = 24_000
"""About 8,000 tokens."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` takes the parsed arguments and returns text. An AppError's `detail` is for the model."""

    spec: ToolSpec
    run: Callable[[JsonObject], Awaitable[str]]


class Toolbox:
    def __init__(self, tools: Sequence[Tool] = (), *, deadline: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline
        self._tools = {tool.spec.name: tool for tool in tools}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """In a stable order, so that the provider's prompt cache holds."""
        return tuple(self._tools[name].spec for name in sorted(self._tools))

    async def call(self, call: ToolCall) -> ToolReturn:
        """Run one call. Every failure but cancellation is an answer the model can read."""
        tool = self._tools.get(call.name)
        if tool is None:
            return _failed(call, f"There is no tool named {call.name}.")
        try:
            arguments = orjson.loads(call.arguments or "{}")
        except orjson.JSONDecodeError:
            return _failed(call, "The arguments are not valid JSON.")
        if not isinstance(arguments, dict):
            return _failed(call, "The arguments must be a JSON object.")
        try:
            async with asyncio.timeout(self._deadline):
                content = await tool.run(arguments)
        except TimeoutError:
            return _failed(call, f"The tool gave no answer within {self._deadline:g} seconds.")
        except AppError as error:
            return _failed(call, error.detail)
        except Exception:  # noqa: BLE001  # a tool's bug must not end the turn
            _log.exception("tool_failed", tool=call.name)
            return _failed(call, "The tool failed unexpectedly.")
        return ToolReturn(call.id, call.name, _capped(content))


def _failed(call: ToolCall, why: str) -> ToolReturn:
    return ToolReturn(call.id, call.name, _capped(why), failed=True)


def _capped(content: str) -> str:
    content = content.encode("utf-8", "replace").decode()  # half a character cannot be stored
    if len(content) <= _OUTPUT_CHARACTERS:
        return content
    left_out = len(content) - _OUTPUT_CHARACTERS
    return f"{content[:_OUTPUT_CHARACTERS]}\n[{left_out} more characters were left out]"
