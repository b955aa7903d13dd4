"""The page that tells people how to trust this Parlor's own authority, and the file itself."""

import asyncio
import re
import ssl
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import override

import httpx2
import pytest
from cryptography import x509

from backend.app import create_app
from backend.container import Services
from backend.kit.clock import SystemClock
from backend.kit.qr import qr_rows
from backend.ops.certificates import CertificateFiles, ensure, fingerprint
from backend.settings import Settings
from tests.api.asking import refused
from tests.api.serving import with_services

ROOT = Path(__file__).parents[2]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
ANDROID = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/150.0 Mobile"
IPAD_OR_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture
def files(settings: Settings) -> CertificateFiles:
    made = CertificateFiles(settings.server.state_dir / "certs")
    ensure(made, ["parlor.lan", "192.168.1.110"], SystemClock())
    return made


class Page(HTMLParser):
    """What a browser makes of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.opened: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        self.words += data
        if [tag for tag, _ in self.tags[-2:]] == ["details", "summary"] and data.strip():
            if "open" in self.tags[-2][1]:
                self.opened.append(data)
            self.tags.append(("#text", {}))

    def attributes(self, name: str) -> list[str]:
        return [given[name] or "" for _, given in self.tags if name in given]


async def look(client: httpx2.AsyncClient, **headers: str) -> Page:
    answer = await client.get(
        "/ca", headers={name.replace("_", "-"): headers[name] for name in headers}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


async def test_anybody_may_see_which_authority_to_trust(
    files: CertificateFiles, stranger: httpx2.AsyncClient
) -> None:
    page = await look(stranger)
    shown = re.sub(r"\s", "", page.words)
    wanted = await asyncio.to_thread(fingerprint, files.authority)
    assert wanted.replace(":", "") in shown
    assert "vouch for this Parlor and for private networks only" in page.words
    assert "/ca.crt" in page.attributes("href")


async def test_the_page_needs_no_script_and_no_style_of_its_own(
    files: CertificateFiles, stranger: httpx2.AsyncClient
) -> None:
    answer = await stranger.get("/ca")
    page = Page(answer.text)
    assert not {tag for tag, _ in page.tags} & {"script", "style", "iframe", "form", "img"}
    assert page.attributes("style") == []
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    rules = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'"} <= set(rules)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_every_system_is_described_and_the_visitors_own_is_open(
    files: CertificateFiles, stranger: httpx2.AsyncClient
) -> None:
    page = await look(stranger)
    for system in ("iPhone and iPad", "Android", "Mac", "Windows", "Linux", "Firefox"):
        assert system in page.words
    opened = {
        agent: (await look(stranger, user_agent=agent)).opened
        for agent in (IPHONE, ANDROID, IPAD_OR_MAC, WINDOWS)
    }
    assert list(opened.values()) == [
        ["iPhone and iPad"],
        ["Android"],
        ["iPhone and iPad", "Mac"],
        ["Windows", "Firefox, on any computer"],
    ]


async def test_the_code_says_the_address_of_this_page(
    files: CertificateFiles, settings: Settings, services: Services
) -> None:
    """Not on loopback, which is another machine on each device."""
    known = settings.edge.model_copy(update={"hosts": ("parlor.lan",)})
    app = with_services(create_app(settings.model_copy(update={"edge": known})), services)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as client:
        for address in ("http://127.0.0.1:8000", "https://localhost", "http://[::1]:8000"):
            page = Page((await client.get(f"{address}/ca")).text)
            assert "QR code of this page" not in page.attributes("aria-label")
        page = Page((await client.get("https://parlor.lan:8000/ca")).text)
    assert "https://parlor.lan:8000/ca" in page.words
    (drawn,) = (path for path in page.attributes("d") if path.endswith("h1v1h-1z"))
    modules = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", drawn)}
    rows = qr_rows("https://parlor.lan:8000/ca")
    wanted = {(x + 4, y + 4) for y, row in enumerate(rows) for x, m in enumerate(row) if m == "1"}
    assert modules == wanted


async def test_the_file_is_the_certificate_and_never_a_key(
    files: CertificateFiles, stranger: httpx2.AsyncClient, settings: Settings
) -> None:
    """A file that holds both by mistake, as some tools write it."""
    right = x509.load_pem_x509_certificate(files.authority.read_bytes())
    both = files.authority_key.read_bytes() + files.authority.read_bytes()
    files.authority.write_bytes(both + files.server_key.read_bytes())
    answer = await stranger.get("/ca.crt")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert "parlor-authority.crt" in answer.headers["content-disposition"]
    assert x509.load_pem_x509_certificate(answer.content) == right
    assert b"PRIVATE" not in answer.content
    assert answer.content.count(b"BEGIN") == 1
    assert ssl.create_default_context(cadata=answer.text).cert_store_stats()["x509_ca"] >= 1


async def test_without_an_authority_it_says_so(
    stranger: httpx2.AsyncClient, settings: Settings
) -> None:
    for unusable in (
        "",
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    ):
        if unusable:
            settings.server.authority.parent.mkdir(exist_ok=True)
            settings.server.authority.write_text(unusable)
        page = await stranger.get("/ca")
        assert page.status_code == 404
        assert "There is nothing to trust here" in page.text
        assert "parlor certs make" in refused(await stranger.get("/ca.crt"), 404, "not_found")


async def test_a_servers_own_certificate_is_not_offered_as_an_authority(
    files: CertificateFiles, stranger: httpx2.AsyncClient
) -> None:
    files.authority.write_bytes(files.server.read_bytes())
    assert (await stranger.get("/ca")).status_code == 404


async def test_names_of_others_are_only_text(
    settings: Settings, stranger: httpx2.AsyncClient, tmp_path: Path
) -> None:
    folder = settings.server.state_dir / "certs"
    folder.mkdir()
    name = "<script>alert(1)</script>\"'&amp; ${name}"
    await asyncio.to_thread(
        subprocess.run,
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", tmp_path / "key", "-out", folder / "authority.crt"),
            *("-days", "9", "-subj", "/CN=" + name.replace("/", "\\/")),
        ],
        check=True,
        capture_output=True,
    )
    page = await look(stranger)
    assert name in page.words
    assert "script" not in {tag for tag, _ in page.tags}
    assert "vouch for this Parlor" not in page.words  # this one may vouch for anything


async def test_its_colours_are_the_products(stranger: httpx2.AsyncClient) -> None:
    """Light and dark: everything it names has the value that the apps have."""
    tokens = (ROOT / "frontend/shared/src/ui/tokens.css").read_text("utf-8")
    answer = await stranger.get("/ca.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    ours = answer.text
    for mine, theirs in (
        (ours.split("@media")[0], tokens.split(":root[")[0]),
        (ours.split("@media")[1].split("\n}\n")[0], tokens.split(":root[")[1].split("\n}\n")[0]),
    ):
        wanted, known = declared(mine), declared(theirs)
        assert {name: known.get(name) for name in wanted} == wanted
        assert wanted
    used = set(re.findall(r"var\((--[a-z-]+)\)", ours))
    assert used <= declared(ours.split("@media")[0]).keys()


def declared(text: str) -> dict[str, str]:
    found = re.findall(r"(--[a-z-]+):\s*([^;]+);", text)
    return {name: " ".join(value.split()) for name, value in found}


async def test_paths_beside_it_are_still_pages_of_the_chat(stranger: httpx2.AsyncClient) -> None:
    for path in ("/calendar", "/ca/", "/camera"):
        answer = await stranger.get(path)
        assert answer.status_code == 200
        assert "authority" not in answer.text
