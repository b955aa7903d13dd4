"""What a running turn asks its person, answered from any of their screens."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import ChatCaller, Id, ReadCaller, ServicesDep
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.access import ForbiddenError
from backend.chat.events import InputAction
from backend.chat.live import QuestionAsked
from backend.toolbox.context import Answer, Decision

router = APIRouter(prefix="/api/chat", tags=["chat"], route_class=JsonRoute)

type Value = str | int | float | bool | list[str] | None


class ApprovalAnswer(BaseModel):
    """`remember`: always allow, or never; where the question says that it can be."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["allow", "deny"]
    remember: bool = False


class InputAnswer(BaseModel):
    """`content`: the fields of a form, when it is accepted."""

    model_config = ConfigDict(extra="forbid")
    action: InputAction
    content: Annotated[dict[str, Value], Field(max_length=200)] | None = None


class OpenQuestions(BaseModel):
    items: list[QuestionAsked]


@router.get("/questions", responses=declared(401))
async def open_questions(caller: ReadCaller, services: ServicesDep) -> OpenQuestions:
    """Everything that waits for the caller right now; `GET /api/events` tells what comes."""
    return OpenQuestions(items=services.chat.questions(caller.owner_id))


@router.post(
    "/turns/{turn_id}/approvals/{approval_id}",
    status_code=204,
    responses=declared(400, 401, 403, 404, 409, 413),
)
async def answer_approval(
    turn_id: Id, approval_id: Id, body: ApprovalAnswer, caller: ChatCaller, services: ServicesDep
) -> None:
    """May the call run? The same answer again is harmless; another one comes too late (409)."""
    if body.remember and caller.kind == "key":
        raise ForbiddenError("An API key cannot decide for later; sign in.")
    is_owner = caller.user.role == "owner" and caller.kind != "key"
    decision = Decision(body.decision == "allow", body.remember, for_house=is_owner)
    await services.chat.decide(caller.user, turn_id, approval_id, decision)


@router.post(
    "/turns/{turn_id}/inputs/{input_id}",
    status_code=204,
    responses=declared(400, 401, 403, 404, 409, 413),
)
async def answer_input(
    turn_id: Id, input_id: Id, body: InputAnswer, caller: ChatCaller, services: ServicesDep
) -> None:
    """What a server asked for. The same answer again is harmless; another is too late (409)."""
    content = body.content if body.action == "accept" else None
    answer = Answer(body.action, content)
    await services.chat.respond(caller.owner_id, turn_id, input_id, answer)
