"""Where a tool server wants people to sign in: what it says of itself (RFC 9728), and what the
authorisation server that it names says (RFC 8414, OpenID Connect discovery)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog

from backend.kit.addresses import parsed, plain_host
from backend.kit.errors import AppError
from backend.kit.outbound import FetchFailedError, Outbound

_LARGEST = 200_000
_PARAMETER = re.compile(r'(?<![A-Za-z_])([A-Za-z_]++)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
"""RFC 6749, 3.3."""
_MOST_SCOPES = 50

_log = structlog.get_logger()


class ToolSignInFailedError(AppError):
    """`str()` is for people; it holds nothing that a stranger's server said."""

    code = "tool_sign_in_failed"
    status = 502


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a refusal says (WWW-Authenticate: Bearer)."""

    metadata: str = ""
    scopes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authorisation server, by its own description."""

    issuer: str
    authorize: str
    token: str
    register: str
    revoke: str
    reads_documents: bool
    """Takes the address of our description as our name (client id metadata document)."""
    sends_issuer: bool
    auth_methods: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A server that wants a sign-in, and where that happens."""

    resource: str
    """What tokens are asked for and good for (RFC 8707)."""
    issuer: Issuer
    scopes: tuple[str, ...]


def challenge_of(header: str) -> Challenge:
    scheme, _, rest = header.strip()[:8000].partition(" ")
    if scheme.lower() != "bearer":
        return Challenge()
    found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(
        found.get("resource_metadata", ""),
        scopes_of(found.get("scope")),
        found.get("error", ""),
    )


def scopes_of(text: object) -> tuple[str, ...]:
    """Only what may stand in a scope; a list or a line of them."""
    words = text if isinstance(text, list) else str(text or "").split()
    fitting = (word for word in words if isinstance(word, str) and _SCOPE.fullmatch(word))
    return tuple(dict.fromkeys(fitting))[:_MOST_SCOPES]


async def find_place(outbound: Outbound, server_url: str, challenge: Challenge) -> Place:
    """Raises ToolSignInFailedError."""
    resource, issuers, scopes = await _resource(outbound, server_url, challenge)
    issuer = await _issuer(outbound, issuers[0])
    wanted = challenge.scopes or scopes
    if "offline_access" in issuer.scopes and wanted:  # or nobody could refresh
        wanted = tuple(dict.fromkeys((*wanted, "offline_access")))
    return Place(resource, issuer, wanted)


async def _resource(
    outbound: Outbound, server_url: str, challenge: Challenge
) -> tuple[str, list[str], tuple[str, ...]]:
    origin, path = _split(server_url)
    well_known = f"{origin}/.well-known/oauth-protected-resource"
    places = [challenge.metadata, f"{well_known}{path}", well_known]
    found = await _first(outbound, [place for place in places if place])
    if found is None:  # servers of 2025: the authorisation server is at the same origin
        return _without_fragment(server_url), [origin], ()
    resource = found.get("resource")
    if not isinstance(resource, str) or not covers(resource, server_url):
        raise failed("it describes another server than the one that was asked")
    listed = found.get("authorization_servers")
    issuers = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    if not issuers:
        raise failed("it names no place to sign in")
    return resource, issuers, scopes_of(found.get("scopes_supported"))


async def _issuer(outbound: Outbound, named: str) -> Issuer:
    if not is_safe(named):
        raise failed("its place to sign in is not protected by https")
    origin, path = _split(named)
    path = path.rstrip("/")
    oauth, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    places = [f"{origin}{oauth}{path}", f"{origin}{oidc}{path}", f"{origin}{path}{oidc}"]
    found = await _first(outbound, list(dict.fromkeys(places)))
    if found is None:
        raise failed("its place to sign in does not say how")
    return _read(named, found)


async def _first(outbound: Outbound, places: Iterable[str]) -> dict[str, Any] | None:
    """The first description that is there. That a server fails does not mean that there is none."""
    for place in places:
        try:
            answer = await outbound.fetch(
                place, headers={"Accept": "application/json"}, largest=_LARGEST, seconds=10
            )
        except FetchFailedError:
            raise failed("its description cannot be fetched") from None
        if answer.status >= 500 or answer.status == 429:
            raise failed("its description cannot be fetched")
        if answer.status == 200 and (found := json_object(answer.content)) is not None:
            return found
    return None


def _read(named: str, found: dict[str, Any]) -> Issuer:
    issuer = _text(found, "issuer")
    if not _same_issuer(issuer, named):  # RFC 8414, 3.3: or a server could pose as another
        raise failed("the description of its place to sign in is of another one")
    authorize, token = _text(found, "authorization_endpoint"), _text(found, "token_endpoint")
    optional = [_text(found, "registration_endpoint"), _text(found, "revocation_endpoint")]
    addresses = [authorize, token, *(one for one in optional if one)]
    if not all(is_safe(one) for one in addresses):
        raise failed("its place to sign in has an address that is not protected by https")
    if "S256" not in _list(found, "code_challenge_methods_supported"):
        raise failed("its place to sign in does not protect the answer (PKCE)")
    return Issuer(
        issuer=issuer,
        authorize=authorize,
        token=token,
        register=optional[0],
        revoke=optional[1],
        reads_documents=found.get("client_id_metadata_document_supported") is True,
        sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        auth_methods=tuple(
            _list(found, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        ),
        scopes=scopes_of(found.get("scopes_supported")),
    )


def is_safe(address: str) -> bool:
    """Whether a browser and tokens may be sent there: https, or this machine itself."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or re.search(r"[\s\\\x00-\x1f]", address):
        return False
    if parts.scheme == "https":
        return True
    given = parsed(plain_host(host))
    is_here = given.is_loopback if given else plain_host(host) == "localhost"
    return parts.scheme == "http" and is_here


def json_object(content: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def failed(reason: str) -> ToolSignInFailedError:
    _log.info("tool_sign_in_failed", reason=reason)
    return ToolSignInFailedError(f"Signing in there is not possible: {reason}.")


def covers(resource: str, server_url: str) -> bool:
    """Whether tokens for `resource` are meant for this server: the same origin, and above it."""
    origin, path = _split(server_url)
    there, above = _split(resource)
    above = above.rstrip("/")
    return there == origin and (path.rstrip("/") == above or path.startswith(f"{above}/"))


def _same_issuer(one: str, other: str) -> bool:
    """Letter by letter; a lone final slash is easily lost (`https://host` and `https://host/`)."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (longer == f"{shorter}/" and not _split(shorter)[1])


def _split(url: str) -> tuple[str, str]:
    """Origin and path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise failed("an address of it is none") from None
    host = plain_host(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    place = host if port in (None, usual) else f"{host}:{port}"
    return f"{parts.scheme}://{place}", parts.path


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) and len(value) <= 2000 else ""


def _list(found: dict[str, Any], name: str) -> list[str]:
    value = found.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
