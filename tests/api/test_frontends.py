"""Pages and assets: the right variant, kept as long as is right, and never another file."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest

from backend.api.edge import Gate
from backend.api.frontends import Frontends, Shelf
from backend.api.security import SecurityHeaders
from backend.app import create_app
from backend.kit.addresses import Peers
from backend.settings import Settings
from tests.api.asking import refused
from tests.api.serving import serving

PAGE, SCRIPT = b"<!doctype html><title>The app</title>", b"console.log('hello')" * 50
SECRET = b"kestrelword"
ASSET = "/assets/app-1a2b3c.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built app as the bundler leaves it, and a secret beside it."""
    built = tmp_path / "site" / "chat"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(PAGE)
    (built / "icon.svg").write_bytes(b"<svg/>")
    (built / "manifest.webmanifest").write_bytes(b"{}")
    (built / ASSET[1:]).write_bytes(SCRIPT)
    (built / f"{ASSET[1:]}.gz").write_bytes(gzip.compress(SCRIPT))
    (built / f"{ASSET[1:]}.br").write_bytes(b"brotli of it")
    (built / "assets" / "font-9.woff2").write_bytes(b"font")
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "site" / "secret.txt").write_bytes(SECRET)
    return built


@pytest.fixture
def site(folder: Path) -> SecurityHeaders:
    pages = Frontends(create_app(Settings.defaults()), Shelf({"chat": folder}))
    return SecurityHeaders(pages, Gate([], Peers()))


@pytest.fixture
async def visitor(site: SecurityHeaders) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(site)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers.pop("accept-encoding")
        yield client


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br, gzip", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.0, gzip;q=0.5", "gzip"),
        ("br;q=0.2, gzip;q=0.8", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", None),
        ("br;q=0, gzip;q=0", None),
        ("identity", None),
        ("", None),
        ("zebra, brick", None),
        ("xgzip", None),
        ("deflate", None),
    ],
)
async def test_a_browser_gets_a_variant_that_it_takes(
    visitor: httpx2.AsyncClient, accepted: str, encoding: str | None
) -> None:
    async with visitor.stream("GET", ASSET, headers={"accept-encoding": accepted}) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(body)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    match encoding:
        case "br":
            assert body == b"brotli of it"
        case "gzip":
            assert gzip.decompress(body) == SCRIPT
        case _:
            assert body == SCRIPT


async def test_a_file_without_variants_is_sent_plain(visitor: httpx2.AsyncClient) -> None:
    answer = await visitor.get("/assets/font-9.woff2", headers={"accept-encoding": "br"})
    assert "content-encoding" not in answer.headers
    assert (answer.content, answer.headers["content-type"]) == (b"font", "font/woff2")


async def test_hashed_files_are_kept_for_good_and_pages_are_asked_for_again(
    visitor: httpx2.AsyncClient,
) -> None:
    kept = {
        path: (await visitor.get(path)).headers["cache-control"]
        for path in (ASSET, "/", "/icon.svg")
    }
    assert kept[ASSET] == "public, max-age=31536000, immutable"
    assert kept["/"] == kept["/icon.svg"] == "no-cache"


@pytest.mark.parametrize("path", ["/", ASSET, "/icon.svg"])
async def test_what_a_browser_has_already_is_not_sent_again(
    visitor: httpx2.AsyncClient, path: str
) -> None:
    etag = (await visitor.get(path)).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await visitor.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    for other in ('"other"', etag.strip('"'), etag[:-2] + '"', ""):
        answer = await visitor.get(path, headers={"if-none-match": other})
        assert answer.status_code == 200


async def test_every_variant_has_a_tag_of_its_own(visitor: httpx2.AsyncClient) -> None:
    tags = set()
    for accepted in ("br", "gzip", ""):
        async with visitor.stream("GET", ASSET, headers={"accept-encoding": accepted}) as answer:
            tags.add(answer.headers["etag"])
    assert len(tags) == 3


@pytest.mark.parametrize("path", ["/", ASSET, "/somewhere/else"])
async def test_head_tells_what_get_would(visitor: httpx2.AsyncClient, path: str) -> None:
    head, get = await visitor.head(path), await visitor.get(path)
    assert head.content == b""
    assert (head.status_code, dict(head.headers)) == (get.status_code, dict(get.headers))


@pytest.mark.parametrize("path", ["/", "/c/conv_1", "/setup", "/login", "/a/b/c", "/Ünï", "/index"])
async def test_every_path_of_the_app_opens_the_app(visitor: httpx2.AsyncClient, path: str) -> None:
    answer = await visitor.get(path)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/assets/gone-1.js", "/favicon.ico", "/index.html", "/x.php", f"{ASSET}.gz", f"{ASSET}.br"],
)
async def test_a_file_that_is_not_there_is_not_the_app(
    visitor: httpx2.AsyncClient, path: str
) -> None:
    refused(await visitor.get(path), 404, "not_found")


ATTEMPTS = [
    "/../secret.txt",
    "/../../secret.txt",
    "/assets/../../secret.txt",
    "/assets/../../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%2f..%2fsecret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%5c..%5csecret.txt",
    "/..\\secret.txt",
    "/assets/..%c0%af../secret.txt",
    "/%00/../../secret.txt",
    "/../secret.txt%00.js",
    "/assets/app-1a2b3c.js%00",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/etc/passwd",
    "/file:///etc/passwd",
    "/....//....//secret.txt",
    "/./../secret.txt",
    "http://127.0.0.1/../secret.txt",
    "/assets/%2e%2e/%2e%2e/secret.txt?x=.js",
    "/backend/app.py",
    "/.env",
    "/.git/config",
    "/assets",
    "/assets/",
]


async def raw(address: str, target: str) -> bytes:
    """One request exactly as written: clients would tidy the path up."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("target", ATTEMPTS)
async def test_no_path_leads_out_of_the_folder(site: SecurityHeaders, target: str) -> None:
    async with serving(site) as address:
        answer = await raw(address, target)
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status in (200, 400, 404)
    assert status != 200 or body == PAGE
    assert SECRET not in answer
    assert b"root:" not in answer


def visiting(**folders: Path) -> httpx2.AsyncClient:
    site = Frontends(create_app(Settings.defaults()), Shelf(folders))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(site), base_url="http://127.0.0.1")


@pytest.fixture
def unbuilt() -> httpx2.AsyncClient:
    return visiting()


@pytest.fixture
def two_apps(folder: Path, tmp_path: Path) -> httpx2.AsyncClient:
    kiosk = tmp_path / "kiosk"
    kiosk.mkdir()
    (kiosk / "index.html").write_bytes(b"the wall")
    (kiosk / "sw.js").write_bytes(b"worker")
    return visiting(chat=folder, kiosk=kiosk)


async def test_without_built_pages_a_checkout_says_what_to_do(unbuilt: httpx2.AsyncClient) -> None:
    assert "make run" in (await unbuilt.get("/")).text


async def test_two_apps_do_not_get_in_each_others_way(two_apps: httpx2.AsyncClient) -> None:
    wanted = {
        "/": PAGE,
        "/kiosk": b"the wall",
        "/kiosk/a": b"the wall",
        "/kiosk/sw.js": b"worker",
        "/kiosks": PAGE,
    }
    assert {path: (await two_apps.get(path)).content for path in wanted} == wanted
