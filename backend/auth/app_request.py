"""What a program asks for when it sends somebody's browser to `/authorize` (RFC 6749, 4.1.1).

Each thing is said once and as expected, or the request is no good. The words are for the person.
"""

import re
from dataclasses import dataclass
from typing import get_args
from urllib.parse import parse_qsl

from backend.auth import app_redirects
from backend.auth.access import PROGRAM
from backend.auth.app_client import AppClient
from backend.auth.app_clients import AppRequestError
from backend.auth.app_issuer import Issuer
from backend.auth.people import Scope

_MOST_PARAMETERS = 40
_PLAIN = re.compile(r"[ -~]*")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""A SHA-256 in base 64 without its end: no other length is one."""
_STATE = 2000


@dataclass(frozen=True, slots=True)
class AppRequest:
    client: AppClient
    redirect_uri: str
    scopes: tuple[Scope, ...]
    challenge: str
    resource: str
    state: str | None


def parameters(query: str) -> dict[str, str]:
    """Raises AppRequestError."""
    try:
        pairs = parse_qsl(
            query.removeprefix("?"), strict_parsing=True, max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise AppRequestError("The program's request could not be read.") from error
    found = dict(pairs)
    if len(found) < len(pairs):
        raise AppRequestError("The program's request says something twice.")
    if not all(_PLAIN.fullmatch(text) for pair in pairs for text in pair):
        raise AppRequestError("The program's request holds characters that it may not.")
    return found


def checked(asked: dict[str, str], client: AppClient, issuer: Issuer) -> AppRequest:
    """Raises AppRequestError."""
    redirect_uri = asked.get("redirect_uri", "")
    if not app_redirects.is_registered(redirect_uri, client.redirect_uris):
        raise AppRequestError(
            "The answer would go to an address that this program never named as its own."
            " Somebody else may have made this link."
        )
    if asked.get("response_type") != "code" or asked.get("response_mode", "query") != "query":
        raise AppRequestError("The program asks for an answer of a kind that is not given here.")
    if {"request", "request_uri"} & asked.keys():
        raise AppRequestError("The program wraps its request in a way that is not read here.")
    challenge = asked.get("code_challenge", "")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise AppRequestError("The program does not protect its request (PKCE with S256).")
    if not is_resource(asked.get("resource", ""), issuer.resource):
        raise AppRequestError(
            f"The program asks for something else than {issuer.resource}, which is all that"
            " can be given here."
        )
    state = asked.get("state")
    if state is not None and len(state) > _STATE:
        raise AppRequestError("The program's request is too long.")
    scopes = scopes_of(asked.get("scope"))
    if not scopes:
        raise AppRequestError("The program asks for nothing that can be given here.")
    return AppRequest(client, redirect_uri, scopes, challenge, issuer.resource, state)


def is_resource(asked: str, resource: str) -> bool:
    """One spelling counts; a slash more at its end is the same place."""
    return asked.removesuffix("/") == resource


def scopes_of(asked: str | None) -> tuple[Scope, ...]:
    """What is known here of it; all when nothing was said."""
    offered = PROGRAM.scopes if not asked else frozenset(asked.split()) & PROGRAM.scopes
    known: tuple[Scope, ...] = get_args(Scope.__value__)
    return tuple(sorted(scope for scope in known if scope in offered))
