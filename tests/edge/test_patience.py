"""E4: requests that never end, or that two servers could read differently, over real sockets."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from backend.api.edge import Gate
from backend.api.errors import add_error_handlers
from backend.api.security import BodyLimit, SecurityHeaders
from backend.cli.http_protocol import LARGEST_HEAD, PatientHttp
from backend.kit.addresses import Peers
from tests.fakes.served import quiet_server

IDLE = 1000
PATIENCE = 0.4


class Impatient(PatientHttp):
    head_seconds = PATIENCE
    rest_seconds = PATIENCE


def small_app() -> ASGIApp:
    """The edge around one route that repeats what it was told."""
    app = FastAPI()
    add_error_handlers(app)

    @app.api_route("/echo", methods=["GET", "POST"])
    async def echo(request: Request) -> dict[str, object]:
        body = await request.body() if request.method == "POST" else b""
        names = [name.decode() for name, _ in request.scope["headers"]]
        return {"body": body.decode(), "headers": names}

    return SecurityHeaders(BodyLimit(app, seconds=PATIENCE), Gate(["parlor.example"], Peers()))


@asynccontextmanager
async def listening(http: type[asyncio.Protocol]) -> AsyncGenerator[int]:
    config = uvicorn.Config(
        small_app(), http=http, ws="none", lifespan="off", log_config=None, access_log=False
    )
    async with quiet_server(config) as port:
        yield port


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    async with listening(Impatient) as number:
        yield number


async def talk(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send, then read until the server hangs up."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # From the start: what arrives is lost when we write to somebody who has hung up.
        reading = asyncio.create_task(_all_of(reader))
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
                if reading.done():
                    break
        except ConnectionError:
            pass  # the server did not want to hear more
        try:
            return await reading
        finally:
            writer.close()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """Also what came before the server reset the connection, because we were still talking."""
    answer = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            answer += piece
    return answer


def head(*lines: str, method: str = "POST", host: str = "parlor.example") -> bytes:
    given = [f"{method} /echo HTTP/1.1", f"Host: {host}", *lines, "Connection: close", "", ""]
    return "\r\n".join(given).encode()


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    top, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


def refused(answer: bytes, status: int, code: str) -> None:
    """In the usual shape, with the usual headers, and once."""
    given, headers, body = parts(answer)
    assert (given, json.loads(body)["code"]) == (status, code)
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["connection"].lower() == "close"
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_an_ordinary_request_is_answered(port: int) -> None:
    status, _, body = parts(await talk(port, head("Content-Length: 5"), b"hello"))
    assert (status, json.loads(body)["body"]) == (200, "hello")


@pytest.mark.parametrize(
    "start", [b"", b"GET", b"GET /echo HTTP/1.1\r\nHost: parlor.example\r\nX-A: b"]
)
async def test_e4_slow_headers_end_the_connection(start: bytes, port: int) -> None:
    begun = monotonic()
    answer = await talk(port, start)
    assert 0.9 * PATIENCE < monotonic() - begun < 4
    if start:
        refused(answer, 408, "too_slow")
    else:
        assert answer == b""


async def test_e4_a_byte_now_and_then_does_not_buy_more_time(port: int) -> None:
    drips = [bytes([byte]) for byte in head("X-Slow: " + "a" * 200, method="GET")]
    begun = monotonic()
    refused(await talk(port, *drips, pause=0.05), 408, "too_slow")
    assert monotonic() - begun < 4


async def test_e4_the_second_request_of_a_connection_is_timed_as_well(port: int) -> None:
    first = b"GET /echo HTTP/1.1\r\nHost: parlor.example\r\n\r\n"
    answer = await talk(port, first, first[:20], pause=0.05)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 408") == 1


async def test_e4_a_slow_body_is_refused(port: int) -> None:
    refused(await talk(port, head("Content-Length: 50"), b"half"), 408, "too_slow")
    drips = [b"a"] * 40
    refused(await talk(port, head("Content-Length: 50"), *drips, pause=0.05), 408, "too_slow")
    chunked = [b"1\r\na\r\n"] * 40
    answer = await talk(port, head("Transfer-Encoding: chunked"), *chunked, pause=0.05)
    refused(answer, 408, "too_slow")


async def test_e4_a_body_that_nobody_reads_does_not_hold_the_connection(port: int) -> None:
    given = b"GET /echo HTTP/1.1\r\nHost: parlor.example\r\nContent-Length: 99999\r\n\r\n"
    begun = monotonic()
    answer = await talk(port, given, *[b"a"] * 40, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 200")
    assert monotonic() - begun < 4


@pytest.mark.parametrize("line", ["X-Long: " + "a" * 300_000, *["X: y\r\n" * 60_000]])
async def test_e4_endless_headers_are_not_gathered(line: str, port: int) -> None:
    given = f"GET /echo HTTP/1.1\r\nHost: parlor.example\r\n{line}".encode()
    pieces = [given[at : at + 8000] for at in range(0, len(given), 8000)]
    answer = await talk(port, *pieces)
    if answer:  # else the connection was reset while we were still talking
        refused(answer, 431, "headers_too_large")
    sent = given[: LARGEST_HEAD + 10]
    refused(await talk(port, sent), 431, "headers_too_large")


async def test_e4_whole_but_large_headers_are_refused(port: int) -> None:
    refused(await talk(port, head("X-Large: " + "a" * 40_000)), 431, "headers_too_large")
    many = [f"X-{number}: a" for number in range(120)]
    refused(await talk(port, head(*many)), 431, "headers_too_large")


SMUGGLED = b"GET /echo?smuggled HTTP/1.1\r\nHost: parlor.example\r\n\r\n"
AMBIGUOUS = {
    "two lengths": (["Content-Length: 3", "Content-Length: 60"], b"abc" + SMUGGLED),
    "two equal lengths": (["Content-Length: 3", "Content-Length: 3"], b"abc" + SMUGGLED),
    "a list of lengths": (["Content-Length: 3, 60"], b"abc" + SMUGGLED),
    "a signed length": (["Content-Length: +3"], b"abc" + SMUGGLED),
    "a negative length": (["Content-Length: -3"], b"abc" + SMUGGLED),
    "a length in hex": (["Content-Length: 0x3"], b"abc" + SMUGGLED),
    "length and chunks": (["Content-Length: 3", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
    "chunks and length": (["Transfer-Encoding: chunked", "Content-Length: 3"], b"0\r\n\r\n" + SMUGGLED),
    "an unknown coding": (["Transfer-Encoding: xchunked"], b"0\r\n\r\n" + SMUGGLED),
    "two codings": (["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n" + SMUGGLED),
    "chunked not last": (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n" + SMUGGLED),
    "two coding lines": (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + SMUGGLED),
    "a folded line": (["X-A: b\r\n Content-Length: 3"], b"abc" + SMUGGLED),
    "a folded coding": (["Transfer-Encoding:\r\n chunked"], b"0\r\n\r\n" + SMUGGLED),
    "a blank before the colon": (["Content-Length : 3"], b"abc" + SMUGGLED),
    "a name with a blank": (["Content Length: 3"], b"abc" + SMUGGLED),
    "a line that ends early": (["X-A: b\nContent-Length: 3"], b"abc" + SMUGGLED),
    "a bare return": (["X-A: b\rContent-Length: 3"], b"abc" + SMUGGLED),
    "a zero byte": (["X-A: b\0c"], SMUGGLED),
    "no name": ([": b"], SMUGGLED),
    "garbage for a chunk": (["Transfer-Encoding: chunked"], b"ZZ\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "a negative chunk": (["Transfer-Encoding: chunked"], b"-1\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "an endless chunk": (["Transfer-Encoding: chunked"], b"f" * 17 + b"\r\nabc\r\n" + SMUGGLED),
    "a chunk without its end": (["Transfer-Encoding: chunked"], b"3\r\nabcX0\r\n\r\n" + SMUGGLED),
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_e4_what_two_servers_could_read_differently_is_refused(name: str, port: int) -> None:
    lines, rest = AMBIGUOUS[name]
    given = "\r\n".join(["POST /echo HTTP/1.1", "Host: parlor.example", *lines, "", ""])
    refused(await talk(port, given.encode() + rest), 400, "bad_request")


@pytest.mark.parametrize(
    "start",
    [b"GET /echo\r\n\r\n", b"GET /echo HTTP/1.0\r\n\r\n", b"GET /echo HTTP/1.1\r\n\r\n",
     b"GET /echo HTTP/2.0\r\nHost: parlor.example\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
     b"GET /echo HTTP/1.1\nHost: parlor.example\n\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
     b"POST /echo HTTP/1.0\r\nHost: parlor.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"GET /echo HTTP/1.1\r\nHost: parlor.example\r\nHost: evil.example\r\n\r\n"],
)  # fmt: skip
async def test_e4_what_is_not_plain_http_is_refused(start: bytes, port: int) -> None:
    refused(await talk(port, start), 400, "bad_request")


async def test_e4_trailers_do_not_become_headers(port: int) -> None:
    """They would arrive among the headers of a request that has been let in already."""
    trailers = b"0\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer kestrel\r\n\r\n"
    whole = head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n"
    for pieces in ((whole + trailers,), (whole, trailers)):
        _, _, body = parts(await talk(port, *pieces, pause=0.05))
        told = json.loads(body)
        assert told["body"] == "hello"
        assert set(told["headers"]) == {"host", "transfer-encoding", "connection"}


async def test_e4_what_follows_a_closed_connection_is_not_answered(port: int) -> None:
    assert (await talk(port, head("Content-Length: 0") + SMUGGLED)).count(b"HTTP/1.1 ") == 1


async def test_e4_a_thousand_idle_connections_do_not_stop_the_others() -> None:
    async with listening(PatientHttp) as port:
        idle = await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", port) for _ in range(IDLE))
        )
        try:
            for _, writer in idle[::2]:
                writer.write(b"GET / HTTP/1.1\r\n")
            begun = monotonic()
            for _ in range(10):
                status, _, _ = parts(await talk(port, head(method="GET")))
                assert status == 200
            assert monotonic() - begun < 2
        finally:
            for _, writer in idle:
                writer.close()
