"""X6: what every answer forbids the browser, by its kind."""

from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from backend.api.edge import Gate
from backend.api.frontends import Frontends, Shelf
from backend.api.security import SecurityHeaders
from backend.kit.addresses import Peers

FILES = {
    "index.html": "<!doctype html><title>Parlor</title>",
    "assets/app-1.js": "console.log(1)",
    "assets/worker-1.js": "onmessage = () => {}",
    "assets/app-1.css": "a{}",
    "icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "font.woff2": "x",
    "manifest.webmanifest": "{}",
    "data.json": "{}",
    "notes.txt": "x",
    "odd.bin": "x",
}
PAGES = ["/", "/login", "/setup", "/conversation/some", "/voice/", "/voice/x", "/kiosk/", "/pair"]


@pytest.fixture
def site(tmp_path: Path) -> httpx2.AsyncClient:
    for app in ("chat", "voice", "kiosk"):
        for name, text in FILES.items():
            path = tmp_path / app / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    shelf = Shelf({app: tmp_path / app for app in ("chat", "voice", "kiosk")})
    door = Gate([], Peers())
    transport = httpx2.ASGITransport(SecurityHeaders(Frontends(FastAPI(), shelf), door))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def policy(answer: httpx2.Response) -> dict[str, list[str]]:
    (given,) = answer.headers.get_list("content-security-policy")
    rules = [rule.split() for rule in given.split(";")]
    return {name: values for name, *values in rules}


@pytest.mark.parametrize("path", PAGES)
async def test_x6_every_page_runs_its_own_scripts_only(path: str, site: httpx2.AsyncClient) -> None:
    for headers in ({}, {"if-none-match": (await site.get(path)).headers["etag"]}):
        answer = await site.get(path, headers=headers)
        assert answer.status_code in (200, 304)
        rules = policy(answer)
        assert rules["script-src"] == ["'self'"]
        assert rules["style-src"] == ["'self'"]
        assert rules["default-src"] == ["'none'"]
        assert rules["connect-src"] == ["'self'"]
        assert rules["img-src"] == ["'self'", "blob:", "data:"]
        for nothing in ("object-src", "base-uri", "frame-ancestors"):
            assert rules[nothing] == ["'none'"]
        assert rules["form-action"] == ["'self'"]
        assert rules["require-trusted-types-for"] == ["'script'"]
        text = answer.headers["content-security-policy"]
        assert "unsafe" not in text
        assert "http" not in text
        assert "*" not in text


@pytest.mark.parametrize("folder", ["/", "/voice/", "/kiosk/"])
async def test_x6_scripts_keep_a_worker_inside(folder: str, site: httpx2.AsyncClient) -> None:
    """A worker is bound by the policy of its own script."""
    for name in ("assets/app-1.js", "assets/worker-1.js"):
        answer = await site.get(folder + name)
        assert answer.headers["content-type"].startswith("text/javascript")
        rules = policy(answer)
        assert rules["connect-src"] == rules["script-src"] == ["'self'"]
        assert rules["default-src"] == rules["frame-ancestors"] == ["'none'"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "sandbox" not in rules


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith((".html", ".js"))])
async def test_x6_whatever_else_is_opened_by_itself_can_do_nothing(
    name: str, site: httpx2.AsyncClient
) -> None:
    answer = await site.get(f"/{name}")
    assert answer.status_code == 200
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    assert "sandbox" in rules
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_x6_refusals_are_never_pages(site: httpx2.AsyncClient) -> None:
    for headers in ({"host": "evil.example"}, {"host": "<b>"}, {"x-large": "a" * 40_000}):
        answer = await site.get("/", headers=headers)
        assert answer.status_code in (400, 421, 431)
        assert answer.headers["content-type"] == "application/json"
        assert policy(answer)["default-src"] == ["'none'"]
        assert answer.headers["cache-control"] == "no-store"
