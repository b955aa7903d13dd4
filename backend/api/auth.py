"""Set-up, sign-in, sign-out, who am I."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api import cookies
from backend.api.deps import (
    AccountCaller,
    ReadCaller,
    ServicesDep,
    identified,
    origin_of,
    same_origin,
    site_of,
)
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth import access
from backend.auth.members import Email
from backend.auth.people import Caller, CredentialKind, User
from backend.auth.service import NewPerson
from backend.auth.sessions import SignedIn, TokenPair
from backend.auth.sign_in import Proof
from backend.container import Services
from backend.kit.version import VERSION

router = APIRouter(prefix="/api/auth", tags=["accounts"], route_class=JsonRoute)

type Username = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[\w][\w.@+\- ]*$"
    ),
]
type Secret = Annotated[str, Field(min_length=1, max_length=256)]
type Code = Annotated[str, Field(max_length=64)]
type DisplayName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
type Mode = Literal["session", "token"]
"""A cookie for a browser, or a pair of tokens for a program."""
FORBID = ConfigDict(extra="forbid")


class ElsewhereWay(BaseModel):
    """`name`: the words on its button."""

    name: str


class Ways(BaseModel):
    """How somebody may sign in here."""

    password: bool = True
    passkey: bool
    oidc: ElsewhereWay | None
    access: bool


class SetupState(BaseModel):
    required: bool
    ways: Ways


class Registration(BaseModel):
    """`code`: of the one-time link, while there is nobody. `role`: for later people."""

    model_config = FORBID
    code: Annotated[str, Field(max_length=100)] = ""
    username: Username
    password: Secret
    display_name: DisplayName = ""
    role: Literal["adult", "child"] = "adult"
    email: Email | None = None


class Credentials(BaseModel):
    """Any name may be tried; one that nobody can have is simply not known.

    `code`: of the authenticator app, or a recovery code.
    """

    model_config = FORBID
    username: Annotated[str, StringConstraints(strip_whitespace=True, max_length=256)]
    password: Secret
    code: Code | None = None
    mode: Mode = "token"


class RefreshRequest(BaseModel):
    model_config = FORBID
    refresh_token: Annotated[str, Field(min_length=1, max_length=4000)]


class NameChange(BaseModel):
    model_config = FORBID
    display_name: Annotated[DisplayName, Field(min_length=1)] | None = None


class PasswordChange(BaseModel):
    model_config = FORBID
    current: Secret
    new: Secret


class SignedInUser(BaseModel):
    user: User


class TokenAnswer(BaseModel):
    """`expires_in`: seconds of the access token's life."""

    user: User
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # how a token is used, not one
    expires_in: int


class UsedCredential(BaseModel):
    kind: CredentialKind
    id: str


class SecondFactorState(BaseModel):
    totp: bool
    passkeys: int
    recovery_codes_left: int


class Me(BaseModel):
    """`demo`: only the demo model can answer, so the page says so."""

    user: User
    default_model: str
    demo: bool
    version: str = VERSION
    credential: UsedCredential
    second_factor: SecondFactorState


def signed_in_answer(request: Request, response: Response, signed_in: SignedIn) -> SignedInUser:
    cookies.set_session(request, response, signed_in)
    return SignedInUser(user=signed_in.user)


def token_answer(pair: TokenPair) -> TokenAnswer:
    return TokenAnswer(
        user=pair.user,
        access_token=pair.access,
        refresh_token=pair.refresh,
        expires_in=round(pair.access_life.total_seconds()),
    )


@router.get("/setup")
async def setup(request: Request, services: ServicesDep) -> SetupState:
    """Whether the owner is still to be made, and how people may sign in."""
    settings = services.settings
    ways = Ways(
        passkey=await services.accounts.passkeys.usable_at(site_of(request)),
        oidc=ElsewhereWay(name=settings.oidc.name) if settings.oidc.issuer else None,
        access=bool(settings.access.team and settings.access.audience),
    )
    return SetupState(required=await services.auth.needs_setup(), ways=ways)


@router.post(
    "/register",
    status_code=201,
    dependencies=[Depends(same_origin)],
    responses=declared(400, 401, 403, 409, 413),
)
async def register(
    body: Registration, request: Request, response: Response, services: ServicesDep
) -> SignedInUser:
    """While nobody exists: make the owner, with the code of the one-time link. Afterwards the
    owner makes further people here."""
    if not await services.auth.needs_setup():
        return SignedInUser(user=await _add_person(body, request, services))
    signed_in = await services.auth.register_owner(
        body.code,
        body.username,
        body.password,
        body.display_name,
        origin=origin_of(request),
    )
    return signed_in_answer(request, response, signed_in)


async def _add_person(body: Registration, request: Request, services: Services) -> User:
    caller = await identified(request)
    access.ADMIN.check(caller)
    person = NewPerson(body.username, body.password, body.display_name, body.role, body.email)
    actor = caller.user.username if isinstance(caller, Caller) else ""
    return await services.auth.add_person(person, actor=actor, address=origin_of(request).address)


@router.post(
    "/login", dependencies=[Depends(same_origin)], responses=declared(400, 401, 403, 413, 429)
)
async def login(
    body: Credentials, request: Request, response: Response, services: ServicesDep
) -> SignedInUser | TokenAnswer:
    """`second_factor_required`: the password is right, ask again with a code."""
    known = request.cookies.get(cookies.named(request, cookies.KNOWN))
    proof = Proof(body.username, body.password, body.code, known)
    origin = origin_of(request)
    if body.mode == "token":
        return token_answer(await services.auth.login_program(proof, origin))
    signed_in = await services.auth.login_with(proof, origin)
    return signed_in_answer(request, response, signed_in)


@router.post(
    "/refresh", dependencies=[Depends(same_origin)], responses=declared(400, 401, 403, 413)
)
async def refresh(body: RefreshRequest, request: Request, services: ServicesDep) -> TokenAnswer:
    """The next pair of tokens. A refresh token works once; a second time ends its chain."""
    sessions = services.accounts.sessions
    return token_answer(await sessions.refresh(body.refresh_token, origin_of(request)))


@router.post("/logout", status_code=204, responses=declared(401, 403))
async def logout(
    caller: AccountCaller, request: Request, response: Response, services: ServicesDep
) -> None:
    """Ends this browser's session; with a token, all tokens of this person."""
    await services.accounts.sessions.log_out(caller, origin=origin_of(request))
    cookies.clear_session(request, response)


@router.get("/me", responses=declared(401))
async def me(caller: ReadCaller, services: ServicesDep) -> Me:
    catalog = services.catalog
    factors = await services.accounts.second_factor.state(caller.user.id)
    return Me(
        user=caller.user,
        default_model=services.allowance.default_model(caller.user),
        demo=catalog.is_demo,
        credential=UsedCredential(kind=caller.kind, id=caller.credential_id),
        second_factor=SecondFactorState(
            totp=factors.totp,
            passkeys=factors.passkeys,
            recovery_codes_left=factors.recovery_codes_left,
        ),
    )


@router.patch("/me", responses=declared(400, 401, 403, 413))
async def change_me(body: NameChange, caller: AccountCaller, services: ServicesDep) -> SignedInUser:
    if body.display_name is None:
        return SignedInUser(user=caller.user)
    return SignedInUser(user=await services.auth.rename(caller, body.display_name))


@router.post("/password", status_code=204, responses=declared(400, 401, 403, 413, 429))
async def change_password(
    body: PasswordChange, caller: AccountCaller, request: Request, services: ServicesDep
) -> None:
    """Everything else that this person is signed in with ends."""
    await services.auth.change_password(caller, body.current, body.new, origin=origin_of(request))
