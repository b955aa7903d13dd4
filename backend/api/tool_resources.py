"""Resources of tool servers: what a person may put beside a message."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import ServicesDep
from backend.api.errors import declared
from backend.api.tool_routes import EitherSlash, ServerId, WhoAsks, WhoLooks
from backend.toolbox.offers import LONGEST_TEXT

router = APIRouter(prefix="/api/mcp/resources", tags=["tools"], route_class=EitherSlash)


class Resource(BaseModel):
    """`uri` is the server's own name for it; with `is_template` a pattern (RFC 6570) to fill in."""

    server_id: str
    server: str
    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    is_template: bool


class ResourceList(BaseModel):
    resources: list[Resource]


class ResourceRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    server_id: ServerId
    uri: Annotated[str, Field(min_length=1, max_length=2000)]


class ResourceText(BaseModel):
    """To be sent along as it is (`resources` of `POST /api/chat/stream`). `is_cut`: there is
    more of it than fits beside a message."""

    title: str
    mime_type: str
    text: str
    is_cut: bool


@router.get("", responses=declared(401, 403))
async def list_resources(who: WhoLooks, services: ServicesDep) -> ResourceList:
    """Of the servers that are there now and that the caller wants on this surface."""
    return ResourceList(
        resources=[
            Resource(
                server_id=server.definition.id,
                server=server.definition.name,
                uri=one.uri,
                name=one.name,
                title=one.title,
                description=one.description,
                mime_type=one.mime_type,
                is_template=one.is_template,
            )
            for server, one in services.tool_servers.offers.resources(who)
        ]
    )


@router.post("/read", responses=declared(400, 401, 403, 404, 413, 415, 502, 503))
async def read_resource(body: ResourceRequest, who: WhoAsks, services: ServicesDep) -> ResourceText:
    """Its text, as its server gives it now. 415: it is no text. 502: the server said no."""
    found = await services.tool_servers.offers.read(who, body.server_id, body.uri)
    return ResourceText(
        title=found.title,
        mime_type=found.mime_type,
        text=found.text[:LONGEST_TEXT],
        is_cut=len(found.text) > LONGEST_TEXT,
    )
