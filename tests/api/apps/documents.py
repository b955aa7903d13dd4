"""A web site with the document of a program. Documents are https, a test's site is on loopback: what
is asked for as https://notebook.example is fetched there, by the same guarded client."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, override
from urllib.parse import urlsplit

import orjson

from backend.auth.app_clients import Document, FetchDocument
from tests.fakes.site import Asked, FakeSite, Reply


class Elsewhere(FakeSite):
    def __init__(self, reply: Reply) -> None:
        super().__init__(self._found)
        self.reply = reply

    def _found(self, _: Asked) -> Reply:
        return self.reply

    @override
    async def __aenter__(self) -> "Elsewhere":
        await super().__aenter__()
        return self

    def instead_of(self, fetch: FetchDocument) -> FetchDocument:
        async def here(address: str) -> Document:
            return await fetch(self.url + urlsplit(address).path)

        return here


def notebook(address: str, *redirects: str, **more: Any) -> dict[str, Any]:
    return {
        "client_id": address,
        "client_name": "Notebook",
        "client_uri": "https://notebook.example/",
        "redirect_uris": list(redirects),
        "token_endpoint_auth_method": "none",
        **more,
    }


@asynccontextmanager
async def elsewhere(document: Any) -> AsyncGenerator[Elsewhere]:
    reply = document if isinstance(document, Reply) else Reply(body=orjson.dumps(document))
    async with Elsewhere(reply) as site:
        yield site
