"""Tools of the demo: harmless, offline, and good for showing what a running tool looks like."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.kit.errors import AppError, InvalidInputError
from backend.kit.schedule import pause
from backend.messages import JsonObject, ToolSpec

LONGEST_WAIT = 60


class DemoToolError(AppError):
    code = "demo_tool_failed"


@dataclass(frozen=True, slots=True)
class DemoTool:
    """A tool and what runs it. A failure is an AppError whose `detail` the model may read."""

    spec: ToolSpec
    run: Callable[[JsonObject], Awaitable[str]]


async def _echo(arguments: JsonObject) -> str:
    text = arguments.get("text")
    if not isinstance(text, str):
        raise InvalidInputError("demo_echo needs a `text`.")
    return text


async def _wait(arguments: JsonObject) -> str:
    seconds = arguments.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInputError("demo_wait needs `seconds`, a number.")
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInputError(f"demo_wait waits between 0 and {LONGEST_WAIT} seconds.")
    await pause(seconds)
    return f"Waited {seconds:g} s."


async def _fail(_: JsonObject) -> str:
    raise DemoToolError("This tool fails on purpose.")


def _parameters(**properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DEMO_TOOLS: tuple[DemoTool, ...] = (
    DemoTool(
        ToolSpec(
            "demo_echo",
            "Gives back the text it is given.",
            _parameters(text={"type": "string", "description": "What to give back."}),
        ),
        _echo,
    ),
    DemoTool(
        ToolSpec(
            "demo_wait",
            "Waits for some seconds, then says so.",
            _parameters(
                seconds={
                    "type": "number",
                    "minimum": 0,
                    "maximum": LONGEST_WAIT,
                    "description": "How long to wait.",
                }
            ),
        ),
        _wait,
    ),
    DemoTool(
        ToolSpec("demo_fail", "Always fails, to show what that looks like.", _parameters()), _fail
    ),
)
