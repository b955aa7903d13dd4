"""Tool servers, their tools, and what people chose about them. Commands stand in the operator's
file alone: no route takes one. Each path is there with and without a slash at its end."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import (
    AccountCaller,
    AdminCaller,
    ChatCaller,
    Id,
    ReadCaller,
    ServicesDep,
)
from backend.api.errors import declared
from backend.api.tool_routes import ClientId, EitherSlash, ServerId, ToolName, by_whom
from backend.api.tool_views import ServerBody, ToolBody, server_body, tool_bodies
from backend.auth.people import Caller
from backend.container import Services
from backend.kit.errors import NotFoundError
from backend.toolbox.context import Choice, Client

router = APIRouter(prefix="/api/mcp", tags=["tools"], route_class=EitherSlash)

_CONFIG = ConfigDict(extra="forbid")

type Host = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]*$")]
type Port = Annotated[int, Field(ge=1, le=65535)]


class ServerList(BaseModel):
    servers: list[ServerBody]
    updated_at: datetime


class ToolList(BaseModel):
    tools: list[ToolBody]


class ConnectRequest(BaseModel):
    model_config = _CONFIG
    url: Annotated[str, Field(min_length=1, max_length=2000)]


class DiscoverRequest(BaseModel):
    """Without `ports`: look again where the operator said."""

    model_config = _CONFIG
    host: Host = "127.0.0.1"
    ports: Annotated[list[Port], Field(max_length=64)] = []


class ServerChange(BaseModel):
    """`disabled_tools`: all that are off from now on, by the server's own names."""

    model_config = _CONFIG
    enabled: bool | None = None
    disabled_tools: Annotated[list[ToolName], Field(max_length=5000)] | None = None


class ToolSwitch(BaseModel):
    model_config = _CONFIG
    tool_name: ToolName
    enabled: bool


class Removed(BaseModel):
    status: Literal["removed"] = "removed"
    server_id: str


class ApprovedTool(BaseModel):
    """`fingerprint`: of the words that were on the screen."""

    model_config = _CONFIG
    tool_name: ToolName
    fingerprint: Annotated[str, Field(max_length=64)]


class ToolApproval(BaseModel):
    model_config = _CONFIG
    tools: Annotated[list[ApprovedTool], Field(min_length=1, max_length=1000)]


class ToolChoice(BaseModel):
    """`server_id` is empty for Parlor's own tools. `choice` null: as if never asked."""

    model_config = _CONFIG
    server_id: ServerId
    tool_name: ToolName
    choice: Choice | None


class ToolChoices(BaseModel):
    items: list[ToolChoice]


class PreferenceChange(BaseModel):
    """null: all servers."""

    model_config = _CONFIG
    enabled_servers: Annotated[list[ServerId], Field(max_length=100)] | None


class Preference(BaseModel):
    client_id: Client
    enabled_servers: list[str] | None


def _list(services: Services, caller: Caller) -> ServerList:
    servers = services.tool_servers
    bodies = [server_body(servers, one, caller) for one in list(servers.connections)]
    return ServerList(servers=bodies, updated_at=services.clock.now())


# --- servers: everybody may look, the owner decides -----------------------------------------------


@router.get("/servers", responses=declared(401, 403))
async def list_servers(caller: ReadCaller, services: ServicesDep) -> ServerList:
    """All of them, as they are. Addresses are shown to the owner alone."""
    return _list(services, caller)


@router.post("/servers/connect", responses=declared(400, 401, 403, 409, 413, 503))
async def connect_server(
    body: ConnectRequest, caller: AdminCaller, services: ServicesDep, request: Request
) -> ServerBody:
    """Add a server by its web address; it is kept when it answers."""
    by = by_whom(caller, request)
    server = await services.tool_servers.roster.add(body.url, added_by=caller.owner_id, by=by)
    return server_body(services.tool_servers, server.definition.id, caller)


@router.post("/servers/discover", responses=declared(400, 401, 403, 413))
async def discover_servers(
    body: DiscoverRequest, caller: AdminCaller, services: ServicesDep, request: Request
) -> ServerList:
    """What is found there is trusted like what stands in the operator's file."""
    if body.ports:
        by = by_whom(caller, request)
        await services.tool_servers.roster.discover([body.host], body.ports, by)
    else:
        await services.tool_servers.refresh()
    return _list(services, caller)


@router.post("/servers/refresh", responses=declared(401, 403))
async def refresh_servers(caller: AdminCaller, services: ServicesDep) -> ServerList:
    """Read the operator's file again, try what is down, list all tools anew."""
    await services.tool_servers.refresh()
    return _list(services, caller)


@router.patch("/servers/{server_id}", responses=declared(400, 401, 403, 404, 413))
async def change_server(
    server_id: Id,
    body: ServerChange,
    caller: AdminCaller,
    services: ServicesDep,
    request: Request,
) -> ServerList:
    servers, by = services.tool_servers, by_whom(caller, request)
    if body.disabled_tools is not None:
        known = [tool.remote.name for tool in servers.tools_of(server_id)]
        off = set(body.disabled_tools)
        wanted = {name: name not in off for name in {*known, *off}}
        await servers.switch_tools(server_id, wanted, by)
    if body.enabled is not None:
        await servers.switch_server(server_id, enabled=body.enabled, by=by)
    servers.server(server_id)
    return _list(services, caller)


@router.delete("/servers/{server_id}", responses=declared(401, 403, 404, 409))
async def remove_server(
    server_id: Id, caller: AdminCaller, services: ServicesDep, request: Request
) -> Removed:
    """With all that was decided about it. Those of the operator's file stay (409)."""
    await services.tool_servers.remove(server_id, by_whom(caller, request))
    return Removed(server_id=server_id)


# --- tools ----------------------------------------------------------------------------------------


@router.get("/servers/{server_id}/tools", responses=declared(401, 403, 404))
async def list_tools(server_id: Id, caller: ReadCaller, services: ServicesDep) -> ToolList:
    """With what the policy says of each for the caller, and what has changed since a yes."""
    return ToolList(tools=tool_bodies(services.tool_servers, server_id, caller))


@router.post("/servers/{server_id}/tools", responses=declared(400, 401, 403, 404, 413))
async def switch_tool(
    server_id: Id, body: ToolSwitch, caller: AdminCaller, services: ServicesDep, request: Request
) -> ServerList:
    """On or off for everybody."""
    changes = {body.tool_name: body.enabled}
    await services.tool_servers.switch_tools(server_id, changes, by_whom(caller, request))
    return _list(services, caller)


@router.post("/servers/{server_id}/approve", responses=declared(400, 401, 403, 404, 409, 413))
async def approve_tools(
    server_id: Id,
    body: ToolApproval,
    caller: AccountCaller,
    services: ServicesDep,
    request: Request,
) -> ToolList:
    """These words are fine. The owner's yes counts for the house; another person's for
    themselves, and not against a change of what the owner approved (403)."""
    servers = services.tool_servers
    seen = {one.tool_name: one.fingerprint for one in body.tools}
    allowed = {tool.name for tool in tool_bodies(servers, server_id, caller)}
    if unknown := sorted(seen.keys() - allowed):
        raise NotFoundError(f"There is no tool {unknown[0][:60]!r}.")
    owner = by_whom(caller, request) if caller.user.role == "owner" else None
    await servers.approve(server_id, seen, user_id=caller.owner_id, by=owner)
    return ToolList(tools=tool_bodies(servers, server_id, caller))


# --- what is a person's own -----------------------------------------------------------------------


@router.get("/policy", responses=declared(401, 403))
async def list_choices(caller: ReadCaller, services: ServicesDep) -> ToolChoices:
    """What the caller decided about tools, to see it and take it back."""
    found = services.tool_servers.approvals.choices_of(caller.owner_id)
    return ToolChoices(
        items=[
            ToolChoice(server_id=server_id, tool_name=tool, choice=choice)
            for (server_id, tool), choice in sorted(found.items())
        ]
    )


@router.put("/policy", responses=declared(400, 401, 403, 404, 413))
async def choose(body: ToolChoice, caller: AccountCaller, services: ServicesDep) -> ToolChoices:
    """Always, ask each time, never. After untrusted content a writing tool asks all the same."""
    servers = services.tool_servers
    if body.server_id and body.choice is not None:
        allowed = {tool.name for tool in tool_bodies(servers, body.server_id, caller)}
        if body.tool_name not in allowed:
            raise NotFoundError(f"There is no tool {body.tool_name[:60]!r}.")
    await servers.decisions.choose(caller.owner_id, (body.server_id, body.tool_name), body.choice)
    return await list_choices(caller, services)


@router.get("/preferences/{client}", responses=declared(401, 403))
async def get_preference(client: ClientId, caller: ReadCaller, services: ServicesDep) -> Preference:
    """The servers that the caller wants on a surface; null: all."""
    wanted = services.tool_servers.choices.preference(caller.owner_id, client)
    return Preference(client_id=client, enabled_servers=None if wanted is None else list(wanted))


@router.put("/preferences/{client}", responses=declared(400, 401, 403, 413))
async def set_preference(
    client: ClientId, body: PreferenceChange, caller: ChatCaller, services: ServicesDep
) -> Preference:
    await services.tool_servers.choices.prefer(caller.owner_id, client, body.enabled_servers)
    return await get_preference(client, caller, services)
