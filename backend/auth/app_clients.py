"""Which programs may ask to be let in: registered ones (RFC 7591), and those that have a document of
their own at the address that is their name."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from backend.auth.app_client import (
    AppClient,
    ClientMetadata,
    ClientMetadataError,
    check,
    from_document,
    is_document_address,
)
from backend.auth.app_client_store import AppClientStore
from backend.auth.app_limits import AppLimits
from backend.auth.people import Origin
from backend.kit.errors import AppError
from backend.kit.outbound import Outbound

LARGEST_DOCUMENT = 20_000
DOCUMENT_SECONDS = 5.0
_UNKNOWN = "That program is not known here (any more). Remove this Parlor from it and add it again."
_DOCUMENT = "The program's own description could not be read, so it cannot be let in."


@dataclass(frozen=True, slots=True)
class Document:
    """What stands at a program's address."""

    status: int
    content: bytes


type FetchDocument = Callable[[str], Awaitable[Document]]
"""By way of the one client that reaches no house from inside. Raises AppError."""


class AppRequestError(AppError):
    """Told to the person, on our own page: whoever sent them here is not trusted with them."""

    code = "oauth_request_invalid"
    status = 400


class AppClients:
    def __init__(self, store: AppClientStore, limits: AppLimits, fetch: FetchDocument) -> None:
        self._store = store
        self._limits = limits
        self._fetch = fetch

    async def register(self, metadata: ClientMetadata, origin: Origin) -> AppClient:
        """A public program: it gets a name, and no secret.

        Raises ClientMetadataError, TooManyAttemptsError.
        """
        self._limits.registration(origin.address)
        check(metadata)
        client_id = f"client_{secrets.token_urlsafe(16)}"
        client = AppClient(client_id, metadata.name, metadata.home, tuple(metadata.redirect_uris))
        await self._store.add(client)
        return client

    async def find(self, client_id: str) -> AppClient:
        """Raises AppRequestError: in the same words whatever kept an address from answering."""
        if not is_document_address(client_id):
            client = await self._store.find(client_id)
            if client is None:
                raise AppRequestError(_UNKNOWN)
            return client
        try:
            fetched = await self._fetch(client_id)
            return from_document(client_id, _object(fetched))
        except ClientMetadataError as error:
            raise AppRequestError(f"{_DOCUMENT} ({error.detail})") from error
        except (AppError, ValueError, RecursionError) as error:
            raise AppRequestError(_DOCUMENT) from error

    async def prune(self) -> None:
        await self._store.prune()


def fetch_with(outbound: Outbound) -> FetchDocument:
    async def fetch(address: str) -> Document:
        found = await outbound.fetch(
            address,
            headers={"Accept": "application/json"},
            redirects=0,  # whom it leads to is not who is named
            largest=LARGEST_DOCUMENT,
            seconds=DOCUMENT_SECONDS,
        )
        return Document(found.status, found.content)

    return fetch


def _object(document: Document) -> dict[str, Any]:
    """Raises ValueError, RecursionError."""
    found = json.loads(document.content) if document.status == HTTPStatus.OK else None
    if not isinstance(found, dict):
        raise ValueError("no document")  # noqa: TRY004  # as bad JSON is
    return found
