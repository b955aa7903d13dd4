"""A program of others that would like to be let in, as it describes itself.

Whatever it says is its own claim: read within bounds, without what could pass for words of ours.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.auth import app_redirects
from backend.kit.errors import AppError

NAMELESS = "A program without a name"
_LONGEST_NAME = 80
_LONGEST_ID = 500
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Kinds of characters that show nothing, or turn round what stands beside them."""
_PLAIN = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]*[a-z][a-z0-9-]*")
"""A name of the public internet, in lower case; no address of numbers."""


class ClientMetadataError(AppError):
    code: ClassVar[str] = "invalid_client_metadata"
    status = 400


class RedirectUriError(ClientMetadataError):
    code = "invalid_redirect_uri"

    def __init__(self) -> None:
        super().__init__(
            "A redirect_uri is an https address, or http on 127.0.0.1, [::1] or localhost;"
            " in lower case up to its path, without a fragment."
        )


@dataclass(frozen=True, slots=True)
class AppClient:
    id: str
    name: str
    """Plain text, the program's own claim."""
    uri: str | None
    """Its own home page, https; a claim as well."""
    redirect_uris: tuple[str, ...]
    vouched_by: str | None = None
    """The host that its document was fetched from: that one stands for what it says."""


class ClientMetadata(BaseModel):
    """What is read of what a program says of itself (RFC 7591, 2). It gets no secret, whatever it
    asks for."""

    model_config = ConfigDict(extra="ignore")

    redirect_uris: Annotated[
        list[Annotated[str, Field(max_length=1000)]], Field(min_length=1, max_length=10)
    ]
    client_name: Annotated[str, Field(max_length=1000)] | None = None
    client_uri: Annotated[str, Field(max_length=1000)] | None = None
    grant_types: Annotated[list[str], Field(max_length=20)] | None = None
    response_types: Annotated[list[str], Field(max_length=20)] | None = None

    @property
    def name(self) -> str:
        return shown_name(self.client_name or "")

    @property
    def home(self) -> str | None:
        """Where the program is at home: dropped rather than refused when it is no link for us."""
        uri = self.client_uri or ""
        return uri if uri.startswith("https://") and app_redirects.is_fit(uri) else None


def check(found: ClientMetadata) -> None:
    """Raises ClientMetadataError, RedirectUriError."""
    if not all(app_redirects.is_fit(uri) for uri in found.redirect_uris):
        raise RedirectUriError
    if "code" not in (found.response_types or ["code"]):
        raise ClientMetadataError("response_types: only `code` is given here.")
    if "authorization_code" not in (found.grant_types or ["authorization_code"]):
        raise ClientMetadataError("grant_types: `authorization_code` is how one begins here.")


def shown_name(claimed: str) -> str:
    """One line that shows what it is."""
    whole = unicodedata.normalize("NFC", claimed[:1000])
    seen = "".join(
        " " if character.isspace() else character
        for character in whole
        if character.isspace() or unicodedata.category(character) not in _HIDDEN
    )
    return " ".join(seen.split())[:_LONGEST_NAME].strip() or NAMELESS


def is_document_address(client_id: str) -> bool:
    """Whether it is the address of the program's own document, as the draft on client-id metadata
    documents wants it: https, a path without steps up, neither user nor fragment."""
    if len(client_id) > _LONGEST_ID or not _PLAIN.fullmatch(client_id):
        return False
    if not client_id.startswith("https://") or "#" in client_id or "\\" in client_id:
        return False
    try:
        parts = urlsplit(client_id)
        port = parts.port
    except ValueError:
        return False
    name = parts.hostname or ""
    is_plain_host = parts.netloc == name + (f":{port}" if port is not None else "")
    steps = parts.path.lower().replace("%2e", ".").split("/")
    has_path = len(parts.path) > 1 and not {".", ".."} & set(steps)
    return is_plain_host and bool(_HOST.fullmatch(name)) and has_path


def from_document(address: str, document: Mapping[str, Any]) -> AppClient:
    """Raises ClientMetadataError, RedirectUriError."""
    if document.get("client_id") != address:
        raise ClientMetadataError("client_id: the document is another program's.")
    method = document.get("token_endpoint_auth_method", "none")
    if method != "none" or {"client_secret", "client_secret_expires_at"} & document.keys():
        raise ClientMetadataError("token_endpoint_auth_method: only `none` is taken here.")
    try:
        found = ClientMetadata.model_validate(document, strict=True)
    except ValidationError as error:
        field = ".".join(str(step) for step in error.errors()[0]["loc"][:1])
        raise ClientMetadataError(f"{field}: {error.errors()[0]['msg']}") from error
    check(found)
    host = urlsplit(address).netloc
    return AppClient(address, found.name, found.home, tuple(found.redirect_uris), vouched_by=host)
