"""Tools that a model may call: Parlor's own and those of servers, offered and run alike."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson
import structlog

from backend.auth.limits import allows
from backend.kit.errors import AppError, NotFoundError
from backend.messages import JsonObject, ToolCall, ToolReturn, ToolSpec
from backend.toolbox import disclosure, paging
from backend.toolbox.calls import Calls
from backend.toolbox.connection import Connection
from backend.toolbox.context import NOBODY, CallContext, Seen
from backend.toolbox.naming import ToolKey
from backend.toolbox.paging import PAGE, READ_MORE, Pages
from backend.toolbox.records import CallFailedError, Outcome, RemoteTool, ToolHints

DEADLINE_SECONDS = 120
HARMLESS = ToolHints(read_only=True, destructive=False, idempotent=True, open_world=False)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` takes the parsed arguments and for whom, and returns text. An AppError's `detail` is
    for the model.

    `hints`: one that changes something, or that reaches out of the house, has to say so.
    `gives_untrusted`: strangers may have written some of what it gives. `about`: what it does, for
    people; without it they read what models do.
    """

    spec: ToolSpec
    run: Callable[[JsonObject, CallContext], Awaitable[str]]
    hints: ToolHints = HARMLESS
    gives_untrusted: bool = False
    about: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What patterns of a person's limits may mean it by."""
        return (self.spec.name,)


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool of a server as it was when the turn began; the server may be gone by now.

    `size`: of its definition, in characters.
    """

    spec: ToolSpec
    server: Connection
    remote: RemoteTool
    size: int = 0

    @property
    def key(self) -> ToolKey:
        return (self.server.definition.id, self.remote.name)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.spec.name, f"{self.server.definition.id}/{self.remote.name}")


type AnyTool = Tool | ServerTool


class Gate(Protocol):
    """Who decides whether a call may run; `policy.py` has the one there is."""

    async def check(self, tool: AnyTool, arguments: JsonObject, context: CallContext) -> None:
        """Returns when the call may run. Raises CallFailedError."""
        ...

    def is_untrusted(self, name: str, tool: AnyTool | None) -> bool:
        """Whether strangers may have written what a tool of that name gives."""
        ...

    def is_known(self, tool: AnyTool) -> bool:
        """Whether somebody vouches for what the tool says of itself."""
        ...

    def missing(self, name: str) -> str:
        """Why there is no tool of that name now, when there was one; else ""."""
        ...


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should know about the tools of a turn. `code` for programs."""

    code: str
    detail: str


class Toolbox:
    """What one turn may use; it does not change while the turn runs.

    With `pages`, long results can be read on by the model; without, they are cut. Without a
    `gate` every tool in it may run. `suspects`: untrusted texts that its descriptions hold.
    `is_brief`: the model is told of Parlor's own tools and how to find the others.
    """

    def __init__(  # noqa: PLR0913  # what a turn's tools need, each from elsewhere
        self,
        tools: Iterable[AnyTool] = (),
        *,
        deadline: float = DEADLINE_SECONDS,
        calls: Calls | None = None,
        pages: Pages | None = None,
        gate: Gate | None = None,
        remarks: Sequence[Remark] = (),
        suspects: Sequence[str] = (),
        is_brief: bool = False,
    ) -> None:
        self.remarks = tuple(remarks)
        self._gate = gate
        self._suspects = tuple(suspects)
        self._deadline = deadline
        self._tools = {tool.spec.name: tool for tool in tools}
        self._calls = calls
        self._pages = pages
        self._is_brief = is_brief

    @property
    def tools(self) -> tuple[AnyTool, ...]:
        return tuple(self._tools.values())

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is told of, in a stable order: the provider's prompt cache holds."""
        specs = {name: tool.spec for name, tool in self._tools.items() if self._is_listed(tool)}
        if self._is_brief:
            specs |= {aid.name: aid for aid in disclosure.AIDS}
        if self._pages is not None and specs:
            specs[READ_MORE.name] = READ_MORE
        return tuple(specs[name] for name in sorted(specs))

    def only(self, patterns: Sequence[str]) -> "Toolbox":
        """Those whose name fits one of the patterns; the others are unknown to it."""
        allowed = [
            tool
            for tool in self._tools.values()
            if any(allows(patterns, name) for name in tool.names)
        ]
        return self._with(allowed, is_brief=self._is_brief)

    def within(self, characters: float) -> "Toolbox":
        """Itself while the definitions of servers' tools are no longer than that together; else
        one whose tools a model has to find."""
        size = sum(tool.size for tool in self._tools.values() if isinstance(tool, ServerTool))
        return self if size <= characters else self._with(self._tools.values(), is_brief=True)

    def _with(self, tools: Iterable[AnyTool], *, is_brief: bool) -> "Toolbox":
        return Toolbox(
            tools,
            deadline=self._deadline,
            calls=self._calls,
            pages=self._pages,
            gate=self._gate,
            remarks=self.remarks,
            suspects=self._suspects,
            is_brief=is_brief,
        )

    def find(self, name: str) -> AnyTool | None:
        return self._tools.get(name)

    # --- what was called ------------------------------------------------------------------------

    def meant(self, call: ToolCall) -> ToolCall:
        """The call that one by name stands for: what is run, shown, asked about and stored."""
        return disclosure.unwrapped(call) if call.name == disclosure.CALL.name else call

    def spelled(self, call: ToolCall) -> ToolCall:
        """What was meant, in the words of the tools that the model is told of."""
        tool = self.find(call.name)
        if not self._is_brief or call.name in disclosure.RESERVED:
            return call
        return call if tool is not None and self._is_listed(tool) else disclosure.wrapped(call)

    def seen_after(self, called: Iterable[ToolCall]) -> Seen:
        """What a conversation has read in which these calls were meant."""
        if (gate := self._gate) is None:
            return Seen()
        sources = [source for call in called if (source := self._source(call, gate))]
        return Seen((*self._suspects, *sources))

    def _source(self, call: ToolCall, gate: Gate) -> str:
        """What a call gave that strangers may have written, "" when it gave nothing of that."""
        match call.name:
            case disclosure.FIND.name | disclosure.CALL.name:
                return ""  # only words that somebody vouches for, or that they make no sense
            case disclosure.DESCRIBE.name:
                name = disclosure.name_in(call)
                tool = self.find(name)
                is_known = tool is not None and gate.is_known(tool)
                return "" if is_known else f"the description of {name[:64]}"
            case name:
                return name if gate.is_untrusted(name, self.find(name)) else ""

    # --- a call ---------------------------------------------------------------------------------

    async def call(self, call: ToolCall, context: CallContext = NOBODY) -> ToolReturn:
        """Run one call. Every failure but cancellation is an answer the model can read."""
        call = self.meant(call)
        try:
            arguments = orjson.loads(call.arguments or "{}")
        except orjson.JSONDecodeError:
            return self._failed(call, "The arguments are not valid JSON.")
        if not isinstance(arguments, dict):
            return self._failed(call, "The arguments must be a JSON object.")
        try:
            return await self._run(call, arguments, context)
        except TimeoutError:
            words = f"The tool gave no answer within {self._deadline:g} seconds."
            return self._failed(call, words)
        except AppError as error:
            return self._failed(call, error.detail)
        except CallFailedError as error:
            return self._failed(call, str(error))
        except Exception:  # noqa: BLE001  # a tool's bug must not end the turn
            _log.exception("tool_failed", tool=call.name)
            return self._failed(call, "The tool failed unexpectedly.")

    async def _run(self, call: ToolCall, arguments: JsonObject, context: CallContext) -> ToolReturn:
        tool = self.find(call.name)
        if tool is None:
            return ToolReturn(call.id, call.name, self._aid(call.name, arguments, context))
        if self._gate is not None:
            await self._gate.check(tool, arguments, context)
        try:
            if isinstance(tool, Tool):
                async with asyncio.timeout(self._deadline):
                    outcome = Outcome((await tool.run(arguments, context),))
            elif self._calls is None:
                return self._failed(call, "Parlor cannot reach servers here.")
            else:
                outcome = await self._calls.call(tool.server, tool.remote, arguments, context)
        finally:  # also where it failed: the words may be a stranger's
            if self._gate is not None and self._gate.is_untrusted(call.name, tool):
                context.seen.add(call.name)
        text, media = await context.shown(outcome)
        text = self._cut(text, context)
        return ToolReturn(call.id, call.name, text, failed=outcome.failed, media=media)

    def _aid(self, name: str, arguments: JsonObject, context: CallContext) -> str:
        """What serves a model to use the others. Raises InvalidInputError, NotFoundError."""
        match name:
            case paging.READ_MORE.name if self._pages is not None:
                text = self._pages.read(arguments, context.who.user_id)
                context.seen.add(name)
                return text
            case disclosure.FIND.name:
                return self._cut(disclosure.found(self._entries(), arguments), context)
            case disclosure.DESCRIBE.name:
                return self._cut(disclosure.described(self._entries(), arguments), context)
            case disclosure.CALL.name:
                raise disclosure.malformed()
            case _:
                why = self._gate.missing(name) if self._gate else ""
                hint = f" {disclosure.FIND.name} tells which exist." if self._is_brief else ""
                raise NotFoundError(why or f"There is no tool named {name}.{hint}")

    def _entries(self) -> list[disclosure.Entry]:
        """The tools that a model has to find."""
        return [
            disclosure.Entry(
                tool.spec,
                tool.server.definition.name,
                tool.remote.title,
                is_known=self._gate is None or self._gate.is_known(tool),
            )
            for tool in self._tools.values()
            if isinstance(tool, ServerTool)
        ]

    def _is_listed(self, tool: AnyTool) -> bool:
        return isinstance(tool, Tool) or not self._is_brief

    def _failed(self, call: ToolCall, why: str) -> ToolReturn:
        return ToolReturn(call.id, call.name, _capped(why), failed=True)

    def _cut(self, text: str, context: CallContext) -> str:
        if self._pages is None:
            return _capped(text)
        return self._pages.first(text, context.who.user_id)


def _capped(content: str) -> str:
    content = content.encode("utf-8", "replace").decode()  # half a character cannot be stored
    if len(content) <= PAGE:
        return content
    return f"{content[:PAGE]}\n[{len(content) - PAGE} more characters were left out]"
