"""The people of the household, for its owner. New ones are made at /api/auth/register."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import AdminCaller, Id, ServicesDep, origin_of
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.access import ForbiddenError
from backend.auth.members import Member, PersonChange
from backend.auth.people import Limits, Role

router = APIRouter(prefix="/api/people", tags=["household"], route_class=JsonRoute)


class Person(BaseModel):
    """`spent_today`: US dollars since the household's midnight."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    id: str
    username: str
    display_name: str
    email: str | None
    role: Role
    limits: Limits
    disabled: bool
    created_at: datetime
    last_seen_at: datetime | None
    spent_today: float
    second_factor: bool

    @classmethod
    def of(cls, member: Member, spent_today: float) -> Self:
        user = member.user
        return cls(
            id=user.id,
            username=user.username,
            display_name=user.display_name,
            email=user.email,
            role=user.role,
            limits=user.limits,
            disabled=member.disabled,
            created_at=member.created_at,
            last_seen_at=member.last_seen_at,
            spent_today=spent_today,
            second_factor=member.second_factor,
        )


class People(BaseModel):
    items: list[Person]


type Secret = Annotated[str, Field(min_length=1, max_length=256)]


class NewPassword(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: Secret


class PersonPatch(PersonChange):
    """`current_password`: of the caller, wanted only with another `email` of their own. Whoever has that
    address elsewhere may sign in as them."""

    current_password: Secret | None = None


@router.get("", responses=declared(401, 403))
async def list_people(_: AdminCaller, services: ServicesDep) -> People:
    members = await services.household.members()
    spent = await services.allowance.spent_today()
    return People(items=[Person.of(one, spent.get(one.user.id, 0.0)) for one in members])


@router.patch("/{person_id}", responses=declared(400, 401, 403, 404, 409, 413, 429))
async def change_person(
    person_id: Id, body: PersonPatch, caller: AdminCaller, request: Request, services: ServicesDep
) -> Person:
    """Somebody who is disabled is signed out everywhere at once, and their keys are gone."""
    origin = origin_of(request)
    given = body.model_dump(exclude_unset=True, exclude={"current_password"})
    if person_id == caller.user.id and given.get("email", caller.user.email) != caller.user.email:
        if body.current_password is None:
            # As with a reset, or an owner's session or key alone would become their account.
            raise ForbiddenError("Another address of your own wants your password as well.")
        await services.auth.confirm_password(caller, body.current_password, origin=origin)
    change = PersonChange.model_validate(given)
    member = await services.household.change(caller, person_id, change, origin=origin)
    spent = await services.allowance.spent_today()
    return Person.of(member, spent.get(person_id, 0.0))


@router.post("/{person_id}/reset", status_code=204, responses=declared(400, 401, 403, 404, 413))
async def reset_person(
    person_id: Id, body: NewPassword, caller: AdminCaller, request: Request, services: ServicesDep
) -> None:
    """A new password; the second factor is gone and all sessions end."""
    await services.household.reset(caller, person_id, body.password, origin=origin_of(request))


@router.delete("/{person_id}", status_code=204, responses=declared(401, 403, 404, 409))
async def delete_person(
    person_id: Id, caller: AdminCaller, request: Request, services: ServicesDep
) -> None:
    """With all their conversations."""
    await services.household.remove(caller, person_id, origin=origin_of(request))
    await services.chat.stop_all(person_id)
