"""How servers and their tools are shown."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from backend.api.tool_routes import who_is
from backend.auth.limits import tool_allowed
from backend.auth.people import Caller
from backend.messages import JsonObject
from backend.toolbox.context import Choice, Seen
from backend.toolbox.policy import Policy, current
from backend.toolbox.policy_memory import Change
from backend.toolbox.records import Address, Source, StateName
from backend.toolbox.servers import ToolServers

_CONFIG = ConfigDict(json_schema_serialization_defaults_required=True)


class ToolWords(BaseModel):
    """All that a model is told of a tool, and a person approves."""

    model_config = _CONFIG
    title: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None
    hints: JsonObject


class ToolChange(BaseModel):
    """The tool is off until somebody has compared these and approves `now`."""

    model_config = _CONFIG
    approved: ToolWords
    now: ToolWords


class ToolBody(BaseModel):
    """`name`: the server's own; `offered_name`: what models call it. `policy`: what would happen
    to a call of the caller now; `choice`: what they decided, if they did. `approved`: its words
    count as read (the operator chose the server, or the owner approved them)."""

    model_config = _CONFIG
    name: str
    offered_name: str
    title: str
    description: str
    enabled: bool
    policy: Policy
    choice: Choice | None
    approved: bool
    read_only: bool
    destructive: bool
    open_world: bool
    fingerprint: str
    change: ToolChange | None


class ServerBody(BaseModel):
    """`since`: in this state; `reason`: why, in words for people. `url`: for the owner's eyes,
    null for a server that Parlor starts itself. `signed_in`: the caller has an account there that
    Parlor uses, and may sign out of it."""

    model_config = _CONFIG
    id: str
    name: str
    url: str | None
    source: Source
    state: StateName
    reason: str
    since: datetime
    connected: bool
    signed_in: bool
    enabled: bool
    tool_count: int
    tools: list[ToolBody]
    disabled_tools: list[str]


def server_body(servers: ToolServers, server_id: str, caller: Caller) -> ServerBody:
    """Raises NotFoundError."""
    server = servers.connection_of(server_id, caller.owner_id)
    definition, tools = server.definition, tool_bodies(servers, server_id, caller)
    where = definition.where
    shown = isinstance(where, Address) and caller.user.role == "owner"
    return ServerBody(
        id=definition.id,
        name=definition.name,
        url=where.url if shown and isinstance(where, Address) else None,
        source=definition.source,
        state=server.state.name,
        reason=servers.reason(server_id, caller.owner_id),
        since=server.state.since,
        connected=server.session is not None,
        signed_in=bool(definition.person),
        enabled=servers.choices.is_server_on(definition),
        tool_count=len(tools),
        tools=tools,
        disabled_tools=[tool.name for tool in tools if not tool.enabled],
    )


def tool_bodies(servers: ToolServers, server_id: str, caller: Caller) -> list[ToolBody]:
    """Those that the caller's limits allow. Raises NotFoundError."""
    definition = servers.server(server_id).definition
    gate = servers.gate_for(who_is(caller))
    bodies = []
    for tool in servers.tools_of(server_id):
        if not any(tool_allowed(caller.user.limits, name) for name in tool.names):
            continue
        remote, standing = current(tool), gate.standing(tool)
        bodies.append(
            ToolBody(
                name=remote.name,
                offered_name=tool.spec.name,
                title=remote.title,
                description=remote.description,
                enabled=servers.choices.is_tool_on(definition, remote.name),
                policy=gate.judge(tool, Seen()).policy,
                choice=standing.choice,
                approved=standing.is_known,
                read_only=remote.hints.read_only,
                destructive=remote.hints.destructive,
                open_world=remote.hints.open_world,
                fingerprint=remote.fingerprint,
                change=_change(gate.change(tool)),
            )
        )
    return bodies


def _change(change: Change | None) -> ToolChange | None:
    if change is None:
        return None
    return ToolChange(
        approved=ToolWords.model_validate(change.approved),
        now=ToolWords.model_validate(change.now),
    )
