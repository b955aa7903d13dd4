"""Prompts that tool servers keep ready: shown in the composer, and a person's own once sent."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import ServicesDep
from backend.api.errors import declared
from backend.api.tool_routes import EitherSlash, ServerId, ToolName, WhoAsks, WhoLooks

router = APIRouter(prefix="/api/mcp/prompts", tags=["tools"], route_class=EitherSlash)


class PromptArgument(BaseModel):
    name: str
    description: str
    required: bool


class Prompt(BaseModel):
    """`server`: its name for people."""

    server_id: str
    server: str
    name: str
    title: str
    description: str
    arguments: list[PromptArgument]


class PromptList(BaseModel):
    prompts: list[Prompt]


class PromptRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    server_id: ServerId
    name: ToolName
    arguments: Annotated[
        dict[
            Annotated[str, Field(max_length=200)],
            Annotated[str, Field(max_length=20_000)],
        ],
        Field(max_length=50),
    ] = {}


class PromptText(BaseModel):
    """For the composer: nothing was sent yet."""

    text: str
    description: str


@router.get("", responses=declared(401, 403))
async def list_prompts(who: WhoLooks, services: ServicesDep) -> PromptList:
    """Of the servers that are there now and that the caller wants on this surface."""
    return PromptList(
        prompts=[
            Prompt(
                server_id=server.definition.id,
                server=server.definition.name,
                name=prompt.name,
                title=prompt.title,
                description=prompt.description,
                arguments=[
                    PromptArgument(
                        name=one.name, description=one.description, required=one.required
                    )
                    for one in prompt.arguments
                ],
            )
            for server, prompt in services.tool_servers.offers.prompts(who)
        ]
    )


@router.post("/get", responses=declared(400, 401, 403, 404, 413, 502, 503))
async def get_prompt(body: PromptRequest, who: WhoAsks, services: ServicesDep) -> PromptText:
    """Filled in by its server, as one text. 502: the server said no."""
    found = await services.tool_servers.offers.prompt(
        who, body.server_id, body.name, body.arguments
    )
    return PromptText(text=found.text, description=found.description)
