"""A turn's tools: those on offer to somebody, what they should know of the others."""

from collections.abc import Iterable, Sequence

from backend.auth.limits import allows
from backend.toolbox.calls import Calls, unreachable
from backend.toolbox.connection import Connection
from backend.toolbox.context import Who
from backend.toolbox.paging import Pages
from backend.toolbox.policy import PersonGate
from backend.toolbox.service import AnyTool, Remark, ServerTool, Tool, Toolbox


def toolbox_of(  # the parts of a turn's tools, each from elsewhere
    tools: Sequence[AnyTool],
    outages: Iterable[Connection],
    who: Who,
    gate: PersonGate,
    calls: Calls,
    pages: Pages,
) -> Toolbox:
    """What a turn may use, as it is now. Parlor's own tools that the person never wants are not
    even named to the model."""
    allowed = [
        tool
        for tool in tools
        if any(allows(who.tools, name) for name in tool.names)
        and not (isinstance(tool, Tool) and gate.standing(tool).choice == "deny")
    ]
    changed = [tool for tool in allowed if gate.change(tool) is not None]
    offered = [tool for tool in allowed if tool not in changed]
    remarks = [Remark("tool_server_away", str(unreachable(server))) for server in outages]
    remarks += [
        Remark("tool_changed", f"{tool.spec.name} has changed since it was approved, and is off.")
        for tool in changed
    ]
    return Toolbox(
        offered,
        calls=calls,
        pages=pages,
        gate=gate,
        remarks=remarks,
        suspects=_suspects(offered, gate),
    )


def _suspects(offered: Sequence[AnyTool], gate: PersonGate) -> list[str]:
    """A description that nobody has approved is a text of strangers that the model reads."""
    servers = {
        tool.server.definition.name
        for tool in offered
        if isinstance(tool, ServerTool) and not gate.is_known(tool)
    }
    return [f"the descriptions of {name}" for name in sorted(servers)]
