"""Ways to a server: over HTTP, over the older HTTP+SSE, as a child process.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from backend.kit.errors import AppError
from backend.kit.outbound import Outbound
from backend.kit.outbound_transport import IDLE_SECONDS
from backend.kit.trust import machine_trust
from backend.kit.version import VERSION
from backend.toolbox.child import LastWords, Watch, parameters, standard_error
from backend.toolbox.events import Events
from backend.toolbox.oauth_grants import Grants
from backend.toolbox.oauth_sender import signed
from backend.toolbox.records import Address, Command, ProblemError, ServerDefinition
from backend.toolbox.traffic_taps import Received, Sent
from backend.toolbox.wire import LARGEST_ANSWER, Send, Watched

START_SECONDS = 60.0
"""For commands: `npx` and `uvx` download a server before they start it."""

type Mode = Literal["auto", "legacy"]
type Transport = AbstractAsyncContextManager[Any]
"""What the SDK calls one: a context manager of a stream to read and a stream to write."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to try. `mode`: the SDK's; `legacy` for servers that hang on what they do not know."""

    kind: Literal["http", "sse", "command"]
    mode: Mode
    seconds: float


def ways_to(definition: ServerDefinition) -> tuple[Way, ...]:
    """In the order to try them; `follows` says when the next one is worth it."""
    seconds = definition.connect_seconds
    newest = Way("http", "auto", seconds / 2)
    patient = Way("http", "legacy", seconds / 2)
    oldest = Way("sse", "legacy", seconds)
    match definition.where:
        case Command():
            return (Way("command", "auto", max(seconds, START_SECONDS)),)
        case Address(wire="sse"):
            return (oldest,)
        case Address(wire="http"):
            return (newest, patient)
        case Address():
            return (newest, patient, oldest)


def follows(way: Way, *, timed_out: bool, status: int) -> bool:
    """Whether `way` is worth trying after the one before it timed out or was refused."""
    if way.kind == "sse":
        return status in (400, 404, 405, 406, 415)
    return timed_out


class Doors:
    """What sessions share: connections to the operator's servers, the guarded way out to others."""

    def __init__(
        self, outbound: Outbound | None, homes: Path, grants: Grants | None = None
    ) -> None:
        """`grants`: the accounts that people have at servers."""
        self._outbound = outbound
        self._homes = homes
        self._grants = grants
        self._trusted: httpx2.AsyncHTTPTransport | None = None

    async def aclose(self) -> None:
        transport, self._trusted = self._trusted, None
        if transport is not None:
            await transport.aclose()

    def open(
        self, definition: ServerDefinition, way: Way, words: LastWords, events: Events
    ) -> Transport:
        if isinstance(definition.where, Command):
            return self._child(definition.id, definition.where, words, events)
        return self._over_http(definition, definition.where, way, events)

    @asynccontextmanager
    async def _child(
        self, server_id: str, command: Command, words: LastWords, events: Events
    ) -> AsyncGenerator[Any]:
        home = self._homes / server_id
        await asyncio.to_thread(home.mkdir, mode=0o700, parents=True, exist_ok=True)
        watch = Watch(events.ended)
        events.watches(watch.has_ended)
        async with (
            standard_error(words, watch, events.suspect) as errors,
            stdio_client(parameters(command, home), errlog=errors) as streams,
        ):
            errors.close()  # ours; when the child's is closed as well, it has ended
            received, sent = streams
            yield Received(received, events), Sent(sent, events)

    @asynccontextmanager
    async def _over_http(
        self,
        definition: ServerDefinition,
        where: Address,
        way: Way,
        events: Events,
    ) -> AsyncGenerator[Any]:
        watched = Watched(
            await self._signed_sender(definition, where),
            events,
            breaks_session=way.kind == "sse",
            tells_reasons=definition.is_trusted,
        )
        headers = {
            "User-Agent": f"Parlor/{VERSION}",
            "Accept-Encoding": "identity",
            **await asyncio.to_thread(_credentials, where),
        }

        def client(
            headers: dict[str, str] | None = headers,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            # Deadlines are ours, a call at a time; a stream of news may be silent for days.
            timeout = httpx2.Timeout(30, connect=definition.connect_seconds, read=None)
            return httpx2.AsyncClient(
                transport=watched, headers=headers, timeout=timeout, auth=auth
            )

        if way.kind == "sse":
            async with sse_client(
                where.url, headers=headers, httpx_client_factory=client
            ) as streams:
                yield streams
        else:
            async with (
                client() as http,
                streamable_http_client(
                    where.url, http_client=http, max_sse_event_size=LARGEST_ANSWER
                ) as streams,
            ):
                yield streams

    async def _signed_sender(self, definition: ServerDefinition, where: Address) -> Send:
        send = await self._sender(definition)
        if self._grants is None or not definition.person or where.has_credentials:
            return send
        try:
            grant = await self._grants.of(definition.person, definition.id, where.url)
        except AppError as error:
            raise ProblemError(error.detail) from error
        return send if grant is None else signed(send, grant)

    async def _sender(self, definition: ServerDefinition) -> Send:
        if definition.is_trusted:
            if self._trusted is None:  # certificates are read: off the event loop
                return self._first(await asyncio.to_thread(trusted_transport)).handle_async_request
            return self._trusted.handle_async_request
        if self._outbound is None:
            raise ProblemError("Parlor has no way to servers that people add")
        guarded = await self._outbound.client()
        # The guarded client is closed by nobody: it only lends connections that outlive it.
        return lambda request: guarded.send(request, stream=True, follow_redirects=False)

    def _first(self, made: httpx2.AsyncHTTPTransport) -> httpx2.AsyncHTTPTransport:
        """Servers that connect at once share one: another would be closed by nobody."""
        self._trusted = self._trusted or made
        return self._trusted


def trusted_transport() -> httpx2.AsyncHTTPTransport:
    limits = httpx2.Limits(
        max_connections=500, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS
    )
    return httpx2.AsyncHTTPTransport(verify=machine_trust(), limits=limits)


def _credentials(where: Address) -> dict[str, str]:
    """Raises ProblemError."""
    headers = dict(where.headers)
    if where.token_file is not None:
        try:
            token = where.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ProblemError(f"its token file {where.token_file.name} cannot be read") from None
        headers["Authorization"] = f"Bearer {token}"
    return headers
