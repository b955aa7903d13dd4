"""Passkeys: add, list, remove, sign in."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.auth import Mode, SignedInUser, TokenAnswer, signed_in_answer, token_answer
from backend.api.deps import (
    AccountCaller,
    Id,
    ServicesDep,
    origin_of,
    same_origin,
    site_of,
)
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.api.second_factor import PasswordAgain
from backend.auth.passkey_store import Passkey
from backend.auth.passkeys import At, Question

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=JsonRoute)

_FORBID = ConfigDict(extra="forbid")

type Token = Annotated[str, Field(min_length=1, max_length=100)]
type WebAuthn = dict[str, Any]
"""As the browser's `toJSON()` makes it."""


class PasskeyEntry(BaseModel):
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> Self:
        return cls(
            id=passkey.id,
            name=passkey.name,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
        )


class PasskeyList(BaseModel):
    items: list[PasskeyEntry]


class PasskeyQuestion(BaseModel):
    """`options` go to the browser's WebAuthn; `token` comes back with its answer."""

    token: str
    options: WebAuthn

    @classmethod
    def of(cls, question: Question) -> Self:
        return cls(token=question.token, options=question.options)


class NewPasskey(BaseModel):
    model_config = _FORBID
    token: Token
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    credential: WebAuthn


class PasskeySignInStart(BaseModel):
    """Nothing: the authenticator knows whose passkeys it has."""

    model_config = _FORBID


class PasskeySignIn(BaseModel):
    model_config = _FORBID
    token: Token
    credential: WebAuthn
    mode: Mode = "token"


def _at(request: Request) -> At:
    return At(site_of(request), origin_of(request))


@router.get("/passkeys", responses=declared(401, 403))
async def list_passkeys(caller: AccountCaller, services: ServicesDep) -> PasskeyList:
    passkeys = await services.accounts.passkeys.listed(caller)
    return PasskeyList(items=[PasskeyEntry.of(one) for one in passkeys])


@router.post("/passkeys/options", responses=declared(400, 401, 403, 409, 413, 429))
async def begin_passkey(
    body: PasswordAgain, caller: AccountCaller, request: Request, services: ServicesDep
) -> PasskeyQuestion:
    await services.auth.confirm_password(caller, body.password, origin=origin_of(request))
    question = await services.accounts.passkeys.ask_to_add(caller, site_of(request))
    return PasskeyQuestion.of(question)


@router.post("/passkeys", status_code=201, responses=declared(400, 401, 403, 413))
async def add_passkey(
    body: NewPasskey, caller: AccountCaller, request: Request, services: ServicesDep
) -> PasskeyEntry:
    passkey = await services.accounts.passkeys.add(
        caller, body.token, body.name, body.credential, at=_at(request)
    )
    return PasskeyEntry.of(passkey)


@router.delete("/passkeys/{passkey_id}", status_code=204, responses=declared(401, 403, 404))
async def remove_passkey(
    passkey_id: Id, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    await services.accounts.passkeys.remove(caller, passkey_id, origin=origin_of(request))


@router.post(
    "/passkey/options",
    dependencies=[Depends(same_origin)],
    responses=declared(400, 403, 409, 413, 429),
)
async def begin_passkey_sign_in(
    _: PasskeySignInStart, request: Request, services: ServicesDep
) -> PasskeyQuestion:
    question = await services.accounts.passkeys.ask_to_sign_in(_at(request))
    return PasskeyQuestion.of(question)


@router.post(
    "/passkey", dependencies=[Depends(same_origin)], responses=declared(400, 401, 403, 413, 429)
)
async def sign_in_with_passkey(
    body: PasskeySignIn, request: Request, response: Response, services: ServicesDep
) -> SignedInUser | TokenAnswer:
    """Counts as both factors: the authenticator has checked who uses it."""
    at = _at(request)
    user = await services.accounts.passkeys.prove(body.token, body.credential, at=at)
    if body.mode == "token":
        return token_answer(
            await services.accounts.sessions.open_tokens(user, at.origin, way="passkey")
        )
    signed_in = await services.auth.open_session(user, at.origin, way="passkey")
    return signed_in_answer(request, response, signed_in)
