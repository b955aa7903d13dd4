"""Field notes 3.5 as far as there are files: names in addresses, bodies, ranges. (X4, F4: uploads
come later, and the first route that takes one fails here until their tests are written.)"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from backend.api.frontends import Frontends, Shelf
from backend.api.security import LARGEST_BODY
from backend.app import create_app
from backend.container import Services
from backend.settings import Settings
from tests.api.asking import refused, stored
from tests.api.serving import serving, with_services
from tests.architecture import tree

MARK = "kestrelfile"
PAGE, SCRIPT = b"<!doctype html><title>The app</title>", b"console.log('hello')" * 5000

NAMES = [
    f"../{MARK}",
    f"../../../../../../etc/{MARK}",
    f"..%2f..%2f{MARK}",
    f"%2e%2e/{MARK}",
    f"%2e%2e%2f{MARK}",
    f"%252e%252e%252f{MARK}",
    f"..%5c..%5c{MARK}",
    f"..\\{MARK}",
    f"....//{MARK}",
    f"/etc/{MARK}",
    f"%2fetc%2f{MARK}",
    f"C:%5c{MARK}",
    f"%5c%5cserver%5c{MARK}",
    f"file:%2f%2f/etc/{MARK}",
    f"{MARK}%00",
    f"%00{MARK}.js",
    f"..%c0%af{MARK}",
    f"%c0%ae%c0%ae%c0%af{MARK}",
    f"%e0%80%ae%e0%80%ae/{MARK}",
    f"%fe%ff{MARK}",
    f"%ed%a0%80{MARK}",
    f"%u002e%u002e{MARK}",
    f"%{MARK}",
    f"{MARK}%0d%0aset-cookie:%20x=1",
    f"{MARK}%0a",
    f"%e2%80%ae{MARK}",
    f"{MARK}%20",
    f"{MARK}.",
    f"{MARK}::$DATA",
    f"{MARK}%7c",
    f"~{MARK}",
    f"$%7bHOME%7d{MARK}",
    "CON",
    "nul.txt",
    "COM1.js",
    f"{MARK * 30}"[:300],
    f"{MARK}{'%c3%a9' * 300}",
    f"{'a/' * 200}{MARK}",
    ".",
    "..",
    "...",
]


class Opened:
    """The files that this process opens while it is asked for names."""

    def __init__(self) -> None:
        self.on = False
        self.names: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in ("open", "os.listdir", "os.scandir") and arguments:
            self.names.append(str(arguments[0]))

    def __enter__(self) -> None:
        self.names.clear()
        self.on = True

    def __exit__(self, *_: object) -> None:
        self.on = False


OPENED = Opened()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    built = tmp_path / "site"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(PAGE)
    (built / "assets" / "app-1a2b3c.js").write_bytes(SCRIPT)
    for name in (MARK, f"{MARK}.js"):
        (tmp_path / name).write_bytes(b"a secret")
    return Shelf({"chat": built})


@pytest.fixture
async def site(app: FastAPI, services: Services, shelf: Shelf) -> AsyncGenerator[str]:
    async with serving(with_services(Frontends(app, shelf), services)) as address:
        yield address


async def raw(address: str, target: str, *headers: str) -> bytes:
    """One request exactly as written: clients would tidy the address up."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def id_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        if "{" in str(route.path):
            yield from ((method, str(route.path)) for method in sorted(route.methods or ()))


def judge(target: str, answer: bytes) -> list[str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    wrong = []
    if status not in (200, 400, 404, 405, 422):
        wrong.append(f"{target}: {status}")
    if status == 200 and body not in (PAGE, SCRIPT):
        wrong.append(f"{target}: {body[:50]!r}")
    if b"\r\nset-cookie: x" in head.lower():
        wrong.append(f"{target}: sets a cookie")
    return wrong


async def test_f1_no_name_in_an_address_reaches_the_file_system(
    site: str, app: FastAPI, services: Services, client: httpx2.AsyncClient
) -> None:
    """As a file of the front ends, and wherever a route takes an id."""
    cookie = f"Cookie: parlor={client.cookies['parlor']}"
    targets = [
        f"GET {prefix}{name}"
        for prefix in ("/", "/assets/", "/c/", "/voice/", "/kiosk/")
        for name in NAMES
    ]
    for method, path in id_routes(app):
        before, _, after = re.sub(r"{[^}]*}", "\0", path).partition("\0")
        targets += [f"{method} {before}{name}{after.replace('\0', 'x')}" for name in NAMES]
    await raw(site, "GET /api/auth/me", cookie)  # what is read once is read now
    kept = await stored(services)
    with OPENED:
        wrong = [found for one in targets for found in judge(one, await raw(site, one, cookie))]
    assert wrong == []
    assert [opened for opened in OPENED.names if MARK in opened or "CON" in opened] == []
    assert await stored(services) == kept


def test_f2_the_parser_of_forms_that_comes_with_the_tool_sdk_is_a_mended_one() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        for found in re.findall(r"python-multipart==([\d.]+)", tree.text(tree.ROOT / lock)):
            assert tuple(map(int, found.split("."))) >= (0, 0, 31), lock


def test_f2_nothing_of_ours_reads_forms() -> None:
    reads = re.compile(r"\.form\(|\bUploadFile\b|= (Form|File)\(|import .*multipart")
    ours = [path for path in tree.files() if tree.named(path).startswith("backend/")]
    assert [tree.named(path) for path in ours if reads.search(tree.text(path))] == []


OAUTH_FORMS = ("/oauth/token", "/oauth/revoke")
"""As their standards have it: a few short fields, read by hand and no files among them."""


def test_f2_x4_no_route_takes_anything_but_json() -> None:
    """A route for uploads needs the tests of X4 (attachment, nosniff, sandbox) and F1, F2, F4."""
    bodies = {
        (method, path): set(operation["requestBody"]["content"])
        for path, methods in create_app(Settings.defaults()).openapi()["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    forms = {("post", path): {"application/x-www-form-urlencoded"} for path in OAUTH_FORMS}
    assert {one: kinds for one, kinds in bodies.items() if kinds != {"application/json"}} == forms


@pytest.mark.parametrize("path", ["/api/chat/stream", "/api/auth/login", "/api/devices/pairings"])
async def test_f2_a_form_is_refused_and_not_taken_apart(
    path: str, client: httpx2.AsyncClient, services: Services
) -> None:
    before = await stored(services)
    form = {"username": "anna", "password": "x" * 20}
    for more in ({"data": form}, {"files": {"file": (f"../../{MARK}", b"x" * 1000)}}):
        refused(await client.post(path, **more), 422, "invalid_input")
    assert await stored(services) == before


def peak_memory(*, reset: bool = False) -> int:
    """Most kilobytes that this process has held since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/chat/stream"),
        ("POST", "/api/auth/login"),
        ("POST", "/api/auth/register"),
        ("PATCH", "/api/conversations/x"),
        ("DELETE", "/api/auth/totp"),
    ],
)
async def test_f2_an_endless_body_is_cut_while_it_is_read(
    method: str, path: str, site: str, client: httpx2.AsyncClient, services: Services
) -> None:
    """Where nobody reads it, the server itself hangs up: tests/edge/test_patience.py."""
    before = await stored(services)
    held = await asyncio.to_thread(peak_memory, reset=True)
    host, _, port = site.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"Cookie: parlor={client.cookies['parlor']}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        "",
        "",
    ]
    writer.write("\r\n".join(head).encode())
    chunk, sent = b"10000\r\n" + b" " * 65536 + b"\r\n", 0
    try:
        async with asyncio.timeout(5):
            while sent < 50 * LARGEST_BODY:
                writer.write(chunk)
                sent += 65536
                await writer.drain()
    except ConnectionError:
        pass  # hung up, as it should
    writer.close()
    grown = await asyncio.to_thread(peak_memory) - held
    assert sent < 10 * LARGEST_BODY
    assert grown * 1024 < 12 * LARGEST_BODY
    assert await stored(services) == before


RANGES = [
    "bytes=0-",
    "bytes=0-0",
    "bytes=-1",
    "bytes=5-1",
    "bytes=999999999999-",
    "bytes=" + "9" * 20_000 + "-",
    "bytes=" + ",".join(f"{at}-{at}" for at in range(3000)),
    "bytes=" + "0-," * 9000,
    "bytes=" + "-," * 14_000,
    "bytes=0-" + "0" * 29_000,
    "bytes=" + " " * 29_000 + "0-1",
    "bytes=" + "0-0" * 9000,
    "=" * 29_000,
    "items=0-1",
    "bytes",
    "",
]


@pytest.mark.parametrize("path", ["/", "/assets/app-1a2b3c.js", "/api/models", "/health"])
async def test_f3_a_hostile_range_costs_nothing_and_gets_the_whole(
    path: str,
    app: FastAPI,
    shelf: Shelf,
    services: Services,
    client: httpx2.AsyncClient,
) -> None:
    """50 ms of CPU at most; ranges are not offered, so all of the answer is right (RFC 9110)."""
    transport = httpx2.ASGITransport(with_services(Frontends(app, shelf), services))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8000", cookies=client.cookies
    ) as visitor:
        plain = await visitor.get(path)
        for wanted in RANGES:
            spent = []
            for _ in range(3):
                began = time.process_time()
                answer = await visitor.get(path, headers={"range": wanted})
                spent.append(time.process_time() - began)
                assert (answer.status_code, answer.content) == (200, plain.content)
                assert "accept-ranges" not in answer.headers
            assert min(spent) <= 0.05
