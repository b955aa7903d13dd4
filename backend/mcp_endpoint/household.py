"""The household's tools for programs: what a person lets run without being asked, and nothing else."""

from dataclasses import dataclass

import orjson

from backend.auth.people import Caller, Scope
from backend.kit.clock import Clock
from backend.kit.errors import NotFoundError
from backend.kit.ids import new_id
from backend.messages import JsonObject, ToolCall, ToolSpec
from backend.toolbox.context import CallContext, OnProgress, Seen, Who
from backend.toolbox.paging import READ_MORE
from backend.toolbox.policy import Verdict, current
from backend.toolbox.records import Outcome, PromptText, RemotePrompt, ToolHints
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import HARMLESS, AnyTool, ServerTool

PROGRAM = "parlor.program"
"""Scope key of a request: the Caller that it is from."""

_ASKS = (
    "{name} asks a person before it runs, and over MCP there is nobody to ask. Who wants it to run"
    " without asking can say so in Parlor, under Tools."
)
_SCOPES: dict[type, Scope] = {ServerTool: "tools"}
"""Parlor's own tools are about a person's conversations, and want what those want."""


class NotOfferedError(Exception):
    """There is no such tool for this program; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """`title` may be "". `is_untrusted`: strangers may have written what it gives."""

    spec: ToolSpec
    hints: ToolHints
    title: str = ""
    output_schema: JsonObject | None = None
    is_untrusted: bool = False


class Household:
    def __init__(self, servers: ToolServers, clock: Clock) -> None:
        self._servers = servers
        self._clock = clock

    def offers(self, caller: Caller) -> list[Offer]:
        """In a stable order."""
        who = _who(caller)
        toolbox, gate = self._servers.toolbox_for(who), self._servers.gate_for(who)
        found = [
            _offer(tool, is_untrusted=gate.is_untrusted(tool.spec.name, tool))
            for tool in sorted(toolbox.tools, key=lambda one: one.spec.name)
            if _may(caller, tool) and gate.judge(tool, Seen()).policy == "allow"
        ]
        if found:  # results of theirs may be long
            found.append(Offer(READ_MORE, HARMLESS, "Read more", is_untrusted=True))
        return found

    async def run(
        self, caller: Caller, name: str, arguments: JsonObject, on_progress: OnProgress
    ) -> Outcome:
        """Raises NotOfferedError, CallFailedError."""
        who = _who(caller)
        toolbox, gate = self._servers.toolbox_for(who), self._servers.gate_for(who)
        # What the program has read elsewhere is not known here: it asks its own person.
        context = CallContext(who, on_progress)
        tool = toolbox.find(name)
        if tool is not None:
            _check(caller, tool, gate.judge(tool, context.seen))
        if isinstance(tool, ServerTool):
            await gate.check(tool, arguments, context)
            return await self._servers.calls.call(tool.server, tool.remote, arguments, context)
        if tool is None and name != READ_MORE.name:
            raise NotOfferedError(gate.missing(name) or f"There is no tool named {name[:80]}.")
        call = ToolCall(new_id("call", self._clock), name, orjson.dumps(arguments).decode())
        given = await toolbox.call(call, context)
        return Outcome((given.content,), given.failed)

    def prompts(self, caller: Caller) -> list[tuple[str, RemotePrompt]]:
        """Under names that no two servers share."""
        if not caller.has("tools"):
            return []
        found = self._servers.offers.prompts(_who(caller))
        return [(f"{server.definition.id}/{prompt.name}", prompt) for server, prompt in found]

    async def prompt(self, caller: Caller, name: str, arguments: dict[str, str]) -> PromptText:
        """Filled in. Raises NotFoundError, UnavailableError, ServerRefusedError."""
        server_id, _, inner = name.partition("/")
        if not caller.has("tools"):
            raise NotFoundError(f"There is no prompt {name[:80]!r}.")
        return await self._servers.offers.prompt(_who(caller), server_id, inner, arguments)


def _who(caller: Caller) -> Who:
    return Who(caller.owner_id, "api", caller.user.limits.tools)


def _may(caller: Caller, tool: AnyTool) -> bool:
    return caller.has(_SCOPES.get(type(tool), "chat"))


def _check(caller: Caller, tool: AnyTool, verdict: Verdict) -> None:
    """Raises NotOfferedError."""
    name = tool.spec.name
    if not _may(caller, tool):
        scope = _SCOPES.get(type(tool), "chat")
        raise NotOfferedError(f"{name} wants the scope {scope}, which this program was not given.")
    match verdict.policy:
        case "ask":
            raise NotOfferedError(_ASKS.format(name=name))
        case "deny":
            raise NotOfferedError(f"This person does not allow {name}.")


def _offer(tool: AnyTool, *, is_untrusted: bool) -> Offer:
    spec = tool.spec
    if not isinstance(tool, ServerTool):
        return Offer(spec, tool.hints, is_untrusted=is_untrusted)
    remote = current(tool)
    return Offer(
        ToolSpec(spec.name, spec.description, without_header_marks(spec.parameters)),
        remote.hints,
        remote.title,
        remote.output_schema,
        is_untrusted,
    )


def without_header_marks(schema: JsonObject) -> JsonObject:
    """A mark says which arguments travel as headers too: between that server and its client,
    which is Parlor, and not between Parlor and the program."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    plain = {
        name: {key: part for key, part in one.items() if key != "x-mcp-header"}
        if isinstance(one, dict)
        else one
        for name, one in properties.items()
    }
    return schema | {"properties": plain}
