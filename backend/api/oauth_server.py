"""Parlor as OAuth 2.1 server for its own `/mcp`: what programs read and send before somebody lets
them in, and how they get tokens afterwards. The page in between is `/authorize` of the chat app.

Errors are as the standards have them, `{error, error_description}`, beside the usual words.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, override
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.responses import JSONResponse

from backend.api.apps import issuer_or_refuse
from backend.api.deps import CrossSiteError, ServicesDep, origin_of, same_origin
from backend.api.errors import declared
from backend.api.json_body import JsonRoute
from backend.auth.access import PROGRAM
from backend.auth.app_client import ClientMetadata
from backend.auth.app_issuer import (
    PAGE_PATH,
    RESOURCE_METADATA_PATH,
    RESOURCE_PATH,
    SERVER_METADATA_PATH,
)
from backend.auth.app_tokens import InvalidClientError, TokenRequestError
from backend.auth.people import Scope
from backend.kit.errors import AppError

LARGEST = 20_000
_MOST_FIELDS = 30
_FORM = "application/x-www-form-urlencoded"
_REGISTER, _TOKEN, _REVOKE = "/oauth/register", "/oauth/token", "/oauth/revoke"  # addresses
_SCOPES: list[Scope] = sorted(PROGRAM.scopes)


class OAuthRoute(JsonRoute):
    largest = LARGEST

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_their_words(request: Request) -> Response:
            try:
                return await handle(request)
            except CrossSiteError:  # a page did that, and no program: in the usual words
                raise
            except AppError as error:
                headers = {}
                if error.retry_after:
                    headers["Retry-After"] = str(round(error.retry_after))
                if error.challenge:
                    headers["WWW-Authenticate"] = error.challenge
                return _refusal(error.status, error.code, error.detail, headers)
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(step) for step in first["loc"] if step != "body")
                detail = f"{where or 'the metadata'}: {first['msg']}"
                return _refusal(400, "invalid_client_metadata", detail)
            except HTTPException as error:
                code = "invalid_request"
                return _refusal(error.status_code, code, str(error.detail), error.headers)

        return handle_in_their_words


def _refusal(status: int, code: str, detail: str, headers: Any = None) -> JSONResponse:
    words = {"error": code, "error_description": detail, "code": code, "detail": detail}
    return JSONResponse(words, status, headers)


router = APIRouter(tags=["programs"], route_class=OAuthRoute)


class ResourceMetadata(BaseModel):
    """RFC 9728."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[Scope] = _SCOPES
    bearer_methods_supported: list[Literal["header"]] = ["header"]
    resource_name: str = "Parlor"


class ServerMetadata(BaseModel):
    """RFC 8414, with what MCP wants to know."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    scopes_supported: list[Scope] = _SCOPES
    response_types_supported: list[str] = ["code"]
    response_modes_supported: list[str] = ["query"]
    grant_types_supported: list[str] = ["authorization_code", "refresh_token"]
    token_endpoint_auth_methods_supported: list[str] = ["none"]
    revocation_endpoint_auth_methods_supported: list[str] = ["none"]
    code_challenge_methods_supported: list[str] = ["S256"]
    client_id_metadata_document_supported: bool = True
    authorization_response_iss_parameter_supported: bool = True


class RegisteredClient(BaseModel):
    """RFC 7591, 3.2.1."""

    client_id: str
    client_id_issued_at: int
    client_name: str
    client_uri: str | None
    redirect_uris: list[str]
    grant_types: list[str] = ["authorization_code", "refresh_token"]
    response_types: list[str] = ["code"]
    token_endpoint_auth_method: Literal["none"] = "none"  # noqa: S105  # that there is none
    scope: str = " ".join(_SCOPES)


class AppTokenAnswer(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # how a token is used, not one
    expires_in: int
    refresh_token: str
    scope: str


@router.get(RESOURCE_METADATA_PATH, responses=declared(404))
async def any_resource_metadata(request: Request) -> ResourceMetadata:
    """There is but one resource; older programs look for it here."""
    return await resource_metadata(request)


@router.get(RESOURCE_METADATA_PATH + RESOURCE_PATH, responses=declared(404))
async def resource_metadata(request: Request) -> ResourceMetadata:
    """What tokens are for, and who gives them."""
    issuer = issuer_or_refuse(request)
    return ResourceMetadata(resource=issuer.resource, authorization_servers=[issuer.url])


@router.get(SERVER_METADATA_PATH, responses=declared(404))
async def server_metadata(request: Request) -> ServerMetadata:
    url = issuer_or_refuse(request).url
    return ServerMetadata(
        issuer=url,
        authorization_endpoint=url + PAGE_PATH,
        token_endpoint=url + _TOKEN,
        registration_endpoint=url + _REGISTER,
        revocation_endpoint=url + _REVOKE,
    )


@router.post(
    _REGISTER,
    status_code=201,
    response_model_exclude_none=True,  # some programs take null for no address
    dependencies=[Depends(same_origin)],
    responses=declared(400, 403, 404, 413, 429),
)
async def register_client(
    body: ClientMetadata, request: Request, services: ServicesDep
) -> RegisteredClient:
    """A name for a program. It can do nothing with it until somebody lets it in; if nobody does,
    it is forgotten within a day."""
    issuer_or_refuse(request)
    client = await services.programs.clients.register(body, origin_of(request))
    return RegisteredClient(
        client_id=client.id,
        client_id_issued_at=round(services.clock.now().timestamp()),
        client_name=client.name,
        client_uri=client.uri,
        redirect_uris=list(client.redirect_uris),
    )


def _form_of(*names: str) -> dict[str, Any]:
    """For OpenAPI: FastAPI's own forms would take a field twice."""
    fields = {name: {"type": "string", "maxLength": 2000} for name in names}
    schema = {"type": "object", "properties": fields, "required": list(names[:1])}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


@router.post(
    _TOKEN,
    dependencies=[Depends(same_origin)],
    responses=declared(400, 401, 403, 404, 413, 429),
    openapi_extra=_form_of(
        "grant_type",
        "client_id",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "resource",
        "scope",
    ),
)
async def give_tokens(request: Request, services: ServicesDep) -> AppTokenAnswer:
    """For a code, once, within a minute; or for a refresh token, once. What comes a second time
    may have been copied: it ends all that came of it."""
    issuer = issuer_or_refuse(request)
    pair = await services.programs.tokens.give(await _form(request), issuer, origin_of(request))
    return AppTokenAnswer(
        access_token=pair.access,
        expires_in=round(pair.access_life.total_seconds()),
        refresh_token=pair.refresh,
        scope=" ".join(pair.scopes),
    )


@router.post(
    _REVOKE,
    dependencies=[Depends(same_origin)],
    responses=declared(400, 401, 403, 404, 413, 429),
    openapi_extra=_form_of("token", "client_id", "token_type_hint"),
)
async def revoke_token(request: Request, services: ServicesDep) -> None:
    """RFC 7009. A refresh token ends with all that came of it, an access token alone."""
    issuer_or_refuse(request)
    await services.programs.tokens.revoke(await _form(request), origin_of(request))


async def _form(request: Request) -> dict[str, str]:
    """Raises TokenRequestError, InvalidClientError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise TokenRequestError(f"The body has to be {_FORM}.")
    if "authorization" in request.headers:
        raise InvalidClientError
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise TokenRequestError("The body could not be read as a form.") from error
    found = dict(pairs)
    if len(found) < len(pairs):
        raise TokenRequestError("A field stands there twice.")
    if found.get("client_secret") or "client_assertion" in found:
        raise InvalidClientError
    return found
