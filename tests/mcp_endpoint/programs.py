"""Programs that talk MCP to a Parlor which really listens: the SDK's own client, and bare POSTs."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from backend.auth.people import Caller, Scope, User
from backend.chat.completions import SECONDS, Completions
from backend.chat.spending_store import SpendingStore
from backend.container import Services
from tests.conftest import HERE

COMPLETIONS = "chat.completions"
MODERN = "2026-07-28"


async def key_of(services: Services, user: User, *scopes: Scope) -> str:
    """The secret of a new API key."""
    signed_in = Caller(user, "session", "session_of_a_test")
    _, secret = await services.accounts.keys.make(
        signed_in, "a program", scopes, days=None, origin=HERE
    )
    return secret


def completions_of(services: Services, *, seconds: float = SECONDS) -> Completions:
    """As the container makes them."""
    return Completions(
        catalog=services.catalog,
        allowance=services.allowance,
        spending=SpendingStore(services.database, services.clock),
        background=services.background,
        clock=services.clock,
        seconds=seconds,
    )


@dataclass
class Programs:
    """`mode` of a client: "auto" speaks 2026-07-28, "legacy" the handshake before it."""

    url: str
    services: Services
    owner: User

    async def key(self, *scopes: Scope, user: User | None = None) -> str:
        return await key_of(self.services, user or self.owner, *(scopes or ("chat", "tools")))

    @asynccontextmanager
    async def connected(
        self, secret: str | None = None, *, mode: str = "auto"
    ) -> AsyncGenerator[Client]:
        headers = {"authorization": f"Bearer {secret or await self.key()}"}
        # Plain http: to read the machine's certificates would take longer than most tests.
        async with httpx2.AsyncClient(verify=False, headers=headers, timeout=5) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, mode=mode, cache=None) as client:
                yield client

    async def post(
        self, body: bytes | dict[str, Any], secret: str | None = None, **headers: str
    ) -> httpx2.Response:
        sent = {
            "authorization": f"Bearer {secret or await self.key()}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with httpx2.AsyncClient(verify=False, timeout=5) as http:
            return await http.post(self.url, content=content, headers=sent | headers)


def asking(text: str = "hello", **more: Any) -> dict[str, Any]:
    """The arguments of a completion."""
    return {"model": "scripted:model", "messages": [{"role": "user", "content": text}], **more}


def request(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A message of 2026-07-28, and its headers."""
    prefix = "io.modelcontextprotocol"
    meta = {
        f"{prefix}/protocolVersion": MODERN,
        f"{prefix}/clientInfo": {"name": "a test", "version": "1"},
        f"{prefix}/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    if name := params.get("name"):
        headers["mcp-name"] = name
    return message, headers


def words(result: CallToolResult) -> str:
    """What a failed call says."""
    assert result.is_error, result
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


def answer(result: CallToolResult) -> Any:
    """The structured content of a good call."""
    assert not result.is_error, result.content
    return result.structured_content
