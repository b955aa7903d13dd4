"""Codes of an authenticator app, and recovery codes."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from backend.api.deps import AccountCaller, ServicesDep, origin_of
from backend.api.errors import declared
from backend.api.json_body import JsonRoute

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=JsonRoute)


class PasswordAgain(BaseModel):
    """A stolen session alone may not change how somebody signs in."""

    model_config = ConfigDict(extra="forbid")
    password: Annotated[str, Field(min_length=1, max_length=256)]


class CodeConfirmation(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(min_length=1, max_length=64)]


class TotpEnrolment(BaseModel):
    """`qr`: rows of modules, 1 is dark."""

    secret: str
    uri: str
    qr: list[str]


class RecoveryCodes(BaseModel):
    """Each works once instead of a code. Shown this once."""

    recovery_codes: list[str]


@router.post("/totp", status_code=201, responses=declared(400, 401, 403, 409, 413, 429))
async def begin_totp(
    body: PasswordAgain, caller: AccountCaller, request: Request, services: ServicesDep
) -> TotpEnrolment:
    """A secret for the app. Nothing is asked for until a first code has confirmed it."""
    await services.auth.confirm_password(caller, body.password, origin=origin_of(request))
    enrolment = await services.accounts.second_factor.begin(caller)
    return TotpEnrolment(secret=enrolment.secret, uri=enrolment.uri, qr=enrolment.qr)


@router.post("/totp/confirm", responses=declared(400, 401, 403, 409, 413))
async def confirm_totp(
    body: CodeConfirmation, caller: AccountCaller, request: Request, services: ServicesDep
) -> RecoveryCodes:
    codes = await services.accounts.second_factor.confirm(
        caller, body.code, origin=origin_of(request)
    )
    return RecoveryCodes(recovery_codes=codes)


@router.delete("/totp", status_code=204, responses=declared(400, 401, 403, 409, 413, 429))
async def remove_totp(
    body: PasswordAgain, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    """With the recovery codes."""
    origin = origin_of(request)
    await services.auth.confirm_password(caller, body.password, origin=origin)
    await services.accounts.second_factor.remove(caller, origin=origin)


@router.post("/recovery-codes", responses=declared(400, 401, 403, 409, 413, 429))
async def renew_recovery_codes(
    body: PasswordAgain, caller: AccountCaller, request: Request, services: ServicesDep
) -> RecoveryCodes:
    """The former ones are void."""
    origin = origin_of(request)
    await services.auth.confirm_password(caller, body.password, origin=origin)
    codes = await services.accounts.second_factor.renew_recovery_codes(caller, origin=origin)
    return RecoveryCodes(recovery_codes=codes)
