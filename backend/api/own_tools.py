"""Parlor's own tools, with what the caller decided about each."""

from fastapi import APIRouter

from backend.api.deps import ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.api.tool_routes import EitherSlash, who_is
from backend.api.tool_views import ToolBody
from backend.api.tools import ToolList
from backend.auth.limits import tool_allowed
from backend.toolbox.context import Seen
from backend.toolbox.policy import PersonGate
from backend.toolbox.service import Tool

router = APIRouter(prefix="/api/mcp", tags=["tools"], route_class=EitherSlash)


@router.get("/own", responses=declared(401, 403))
async def list_own_tools(caller: ReadCaller, services: ServicesDep) -> ToolList:
    """Those that the caller's limits allow. One that they never want is not offered to models; in
    the policy their `server_id` is empty."""
    servers, limits = services.tool_servers, caller.user.limits
    gate = servers.gate_for(who_is(caller))
    tools = [tool for tool in servers.own_tools if tool_allowed(limits, tool.spec.name)]
    return ToolList(tools=[_body(tool, gate) for tool in tools])


def _body(tool: Tool, gate: PersonGate) -> ToolBody:
    return ToolBody(
        name=tool.spec.name,
        offered_name=tool.spec.name,
        title=tool.spec.name.replace("_", " ").capitalize(),
        description=tool.about or tool.spec.description,
        enabled=True,
        policy=gate.judge(tool, Seen()).policy,
        choice=gate.standing(tool).choice,
        approved=True,
        read_only=tool.hints.read_only,
        destructive=tool.hints.destructive,
        open_world=tool.hints.open_world,
        fingerprint="",
        change=None,
    )
