"""What is asked of an authorisation server without a browser: a name for Parlor, tokens for a code,
new tokens for old ones, and their end."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import orjson

from backend.kit.outbound import FetchFailedError, Outbound
from backend.toolbox.oauth_discovery import Issuer, failed, json_object, scopes_of

_LARGEST = 200_000
_SECONDS = 15
_TOKEN = re.compile(r"[\x21-\x7E]{1,20000}")
"""What may stand in a header."""
_METHODS = ("none", "client_secret_post", "client_secret_basic")
"""Ours, the best for a program that runs at people's homes first: no secret."""

type Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class ToolClient:
    """Who this Parlor is to one authorisation server."""

    client_id: str
    auth_method: str = "none"
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float | None
    """How long the access token lasts, when that was said."""
    scopes: tuple[str, ...]


class TokensRefusedError(Exception):
    """No tokens. `code`: what the server says it decided (RFC 6749, 5.2), "" when it may still
    change its mind."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.is_final = code in ("invalid_grant", "invalid_client")
        self.knows_us = code != "invalid_client"


def document(public_url: str, redirect_uri: str, address: str) -> dict[str, Any]:
    """Who we are, for authorisation servers that fetch it (client id metadata document)."""
    return {"client_id": address, "client_uri": public_url, **_metadata(redirect_uri)}


def _metadata(redirect_uri: str, method: str = "none") -> dict[str, Any]:
    return {
        "client_name": "Parlor",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        "application_type": "web",
    }


async def register(
    outbound: Outbound, issuer: Issuer, redirect_uri: str, scopes: tuple[str, ...]
) -> ToolClient:
    """A name for Parlor there (RFC 7591). Raises ToolSignInFailedError."""
    offered = [method for method in _METHODS if method in issuer.auth_methods]
    if not issuer.register or not offered:
        raise failed("its place to sign in does not let Parlor introduce itself")
    asked = _metadata(redirect_uri, offered[0])
    if scopes:
        asked["scope"] = " ".join(scopes)
    status, found = await _post_json(outbound, issuer.register, asked)
    client_id, secret = found.get("client_id"), found.get("client_secret") or ""
    method = found.get("token_endpoint_auth_method") or (
        "client_secret_basic" if secret else "none"
    )
    if (
        status not in (200, 201)
        or not isinstance(client_id, str)
        or not isinstance(secret, str)
        or not 0 < len(client_id) <= 2000
        or method not in _METHODS
        or (method != "none" and not secret)
    ):
        raise failed(f"its place to sign in did not accept Parlor ({status})")
    return ToolClient(client_id, method, secret if method != "none" else "")


async def _post_json(
    outbound: Outbound, address: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """No redirects: what is sent is meant for this address alone."""
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    content = bytearray()
    try:
        async with (
            await outbound.client(seconds=_SECONDS) as client,
            client.stream(
                "POST",
                address,
                content=orjson.dumps(body),
                headers=headers,
                follow_redirects=False,
            ) as answer,
        ):
            async for piece in answer.aiter_raw():
                content += piece
                if len(content) > _LARGEST:
                    return answer.status_code, {}
    except Exception as error:  # the client's own types, for whatever a stranger's server does
        raise failed("its place to sign in did not answer") from error
    return answer.status_code, json_object(bytes(content)) or {}


async def tokens_for(
    outbound: Outbound, token_url: str, client: ToolClient, form: Form, *, asked: tuple[str, ...]
) -> Tokens:
    """`asked`: the scopes that the tokens have when the answer does not say. Raises
    TokensRefusedError."""
    try:
        status, found = await _post_form(outbound, token_url, client, form)
    except FetchFailedError:
        raise TokensRefusedError("no answer") from None
    if status not in (200, 201):
        code = str(found.get("error", "")) if status in (400, 401) else ""
        raise TokensRefusedError(f"HTTP {status}", code)
    access, refresh = found.get("access_token"), found.get("refresh_token") or ""
    kind = str(found.get("token_type", "bearer")).lower()
    if not _is_token(access) or (refresh and not _is_token(refresh)) or kind != "bearer":
        raise TokensRefusedError("no usable tokens")
    seconds = found.get("expires_in")
    return Tokens(
        str(access),
        str(refresh),
        float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e9 else None,
        scopes_of(found["scope"]) if isinstance(found.get("scope"), str) else asked,
    )


async def revoke(outbound: Outbound, address: str, client: ToolClient, token: str) -> bool:
    """Whether the server said that the token is void (RFC 7009)."""
    form = {"token": token}
    try:
        status, _ = await _post_form(outbound, address, client, form)
    except FetchFailedError:
        return False
    return status == 200


async def _post_form(
    outbound: Outbound, address: str, client: ToolClient, form: Form
) -> tuple[int, dict[str, Any]]:
    headers = {"Accept": "application/json"}
    sent = dict(form)
    method: Literal["basic", "post"] | None = None
    if client.secret:
        method = "basic" if client.auth_method == "client_secret_basic" else "post"
    if method == "basic":
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        sent["client_id"] = client.client_id
        if method == "post":
            sent["client_secret"] = client.secret
    answer = await outbound.fetch(
        address,
        method="POST",
        headers=headers,
        form=sent,
        redirects=0,  # what is sent here is meant for this address alone
        largest=_LARGEST,
        seconds=_SECONDS,
    )
    return answer.status, json_object(answer.content) or {}


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None
