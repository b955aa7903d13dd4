"""The one way out to an address that somebody else chose: links, servers of tools, identity
providers, pictures. It reaches the public internet, what the operator opened, and nothing else.

Whoever asked learns only that it did not work, in the same words whatever the reason: otherwise
answers would tell what listens inside the house. The reason is in the debug log, without the path.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

import structlog

from backend.kit.addresses import Openings
from backend.kit.errors import AppError
from backend.kit.outbound_guard import Guard, RefusedError, Resolver, port_of
from backend.kit.trust import machine_trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from backend.kit.outbound_transport import GuardedTransport

REDIRECTS = 5
LARGEST = 10_000_000
DEADLINE_SECONDS = 30.0
CONNECT_SECONDS = 5.0
_KEPT_ELSEWHERE = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that follow a redirect to another origin: never a credential, whatever its name."""
_WORDS = "That address could not be fetched."

_log = structlog.get_logger()

type Method = Literal["GET", "HEAD", "POST", "DELETE"]


class FetchFailedError(AppError):
    code = "fetch_failed"
    status = 502

    def __init__(self) -> None:
        super().__init__(_WORDS)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer: decompressed, of the last address in the chain."""

    status: int
    url: str
    content_type: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Outbound:
    def __init__(
        self, openings: Openings | None = None, *, resolver: Resolver | None = None
    ) -> None:
        self._guard = Guard(openings or Openings(), resolver)
        self._transport: GuardedTransport | None = None
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def client(self, *, seconds: float = DEADLINE_SECONDS) -> "httpx2.AsyncClient":
        """For streams and protocols with a library of their own. The guard is underneath, so
        redirects it may be told to follow are checked too. It shares connections, not cookies."""
        if self._transport is None:
            async with self._opening:
                if self._transport is None:
                    self._transport = await asyncio.to_thread(_transport, self._guard)
        from httpx2 import AsyncClient, Timeout  # noqa: PLC0415  # loaded by `_transport`

        from backend.kit.outbound_transport import Lent  # noqa: PLC0415  # as above

        return AsyncClient(
            transport=Lent(self._transport),  # closing a client leaves the connections open
            trust_env=False,  # no proxy from the environment, no .netrc
            timeout=Timeout(seconds, connect=CONNECT_SECONDS),
            headers={"User-Agent": "Parlor"},
        )

    async def fetch(  # noqa: PLR0913  # each is a limit that a caller may set by name
        self,
        url: str,
        *,
        method: Method = "GET",
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        redirects: int = REDIRECTS,
        largest: int = LARGEST,
        seconds: float = DEADLINE_SECONDS,
    ) -> Fetched:
        """The whole answer, whatever its status. Raises FetchFailedError, and nothing else."""
        body = urlencode(form).encode() if form is not None else b""
        asked = {**(headers or {}), "Accept-Encoding": "gzip"}
        if form is not None:
            asked["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            async with asyncio.timeout(seconds):
                return await self._chain(
                    _Step(url, method, asked, body), redirects=redirects, largest=largest
                )
        except Exception as error:
            # The libraries below raise their own types for what a stranger's server may do;
            # whichever it is, the person hears the same.
            _log.debug("fetch_failed", host=_host(url), reason=_reason(error))
            raise FetchFailedError from error

    async def _chain(self, step: "_Step", *, redirects: int, largest: int) -> Fetched:
        async with await self.client() as client:
            for _ in range(redirects + 1):
                # Whatever an answer wanted remembered is not sent along.
                client.cookies.clear()
                request = client.build_request(
                    step.method, step.url, headers=step.headers, content=step.body
                )
                response = await client.send(request, stream=True)
                try:
                    following = _redirect(step, response)
                    if following is None:
                        return await _whole(response, largest)
                    step = following
                finally:
                    await response.aclose()
        raise RefusedError("too many redirects")


@dataclass(frozen=True, slots=True)
class _Step:
    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes


def _transport(guard: Guard) -> "GuardedTransport":
    """Loads the client and the machine's certificates: off the event loop."""
    from backend.kit.outbound_transport import GuardedTransport  # noqa: PLC0415  # start-up: heavy

    return GuardedTransport(guard, machine_trust())


def _redirect(step: _Step, response: "httpx2.Response") -> _Step | None:
    """The next step of a chain, None when this is its end. Raises RefusedError."""
    location = response.headers.get("location")
    if response.status_code not in (301, 302, 303, 307, 308) or not location:
        return None
    here = response.request.url
    there = here.join(location)
    if here.scheme == "https" and there.scheme != "https":
        raise RefusedError("from https to http")
    same_origin = (here.scheme, here.host, port_of(here)) == (
        there.scheme,
        there.host,
        port_of(there),
    )
    method, body = step.method, step.body
    if response.status_code in (301, 302, 303) and method not in ("GET", "HEAD"):
        method, body = "GET", b""
    if body and not same_origin:
        raise RefusedError("a body for another origin")
    kept = {
        name: value
        for name, value in step.headers.items()
        if (same_origin or name.lower() in _KEPT_ELSEWHERE or name == "Accept-Encoding")
        and (body or name.lower() != "content-type")
    }
    return _Step(str(there), method, kept, body)


async def _whole(response: "httpx2.Response", largest: int) -> Fetched:
    """Counts what arrives and what it becomes; only gzip was asked for. Raises RefusedError."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise RefusedError("a compression that nobody asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if coding.endswith("gzip") else None
    content = bytearray()
    arrived = 0
    pieces: AsyncIterator[bytes] = response.aiter_raw()
    async for piece in pieces:
        arrived += len(piece)
        # One byte too many is enough to know; a bomb is never held.
        left = largest + 1 - len(content)
        content += unpacker.decompress(piece, left) if unpacker else piece
        if len(content) > largest or arrived > largest:
            raise RefusedError("too large")
    if unpacker is not None and content and not unpacker.eof:
        raise RefusedError("it ends too early")
    return Fetched(
        response.status_code,
        str(response.request.url),
        response.headers.get("content-type", ""),
        bytes(content),
        dict(response.headers),
    )


def _host(url: str) -> str:
    """For the log: the host alone, whatever else the address carries."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2][:100]


def _reason(error: Exception) -> str:
    """Ours in words; a library's by its kind, because its words quote the address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return type(error).__qualname__
