"""Every answer carries what keeps a browser safe, and streams what keeps proxies away."""

import dataclasses
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.api.security import LARGEST_BODY
from backend.container import Services
from backend.kit.version import VERSION
from backend.providers.base import ProviderUnreachableError
from tests.api.asking import refused, say
from tests.api.serving import serving, with_services
from tests.conftest import ORIGIN
from tests.fakes.scripted import ScriptedProvider, text

CANARY = "kestrelword"
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
DATA = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
}


def carries(answer: httpx2.Response, wanted: dict[str, str]) -> None:
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    names = [name for name, _ in answer.headers.raw]
    assert len(names) == len({name.lower() for name in names}), "a header is there twice"


def policy(answer: httpx2.Response) -> dict[str, list[str]]:
    rules = [rule.split() for rule in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in rules}


class Broken:
    """Stands in for a service that fails as nobody expected."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name} broke while it held {CANARY}")


@pytest.fixture
def breaking(app: FastAPI, services: Services) -> Any:
    """The application with a catalog that fails."""
    return with_services(app, dataclasses.replace(services, catalog=Broken()))  # type: ignore[arg-type]  # a part that fails on purpose


async def test_api_answers_are_never_pages_and_never_kept(client: httpx2.AsyncClient) -> None:
    for path in ("/api/auth/me", "/api/conversations", "/health", "/health/ready"):
        answer = await client.get(path)
        assert answer.status_code == 200
        carries(answer, ALWAYS | DATA)


async def test_errors_carry_them_too(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.get("/api/nothing"),
        await client.get("/api/conversations/none"),
        await client.put("/api/models"),
        await client.post("/api/chat/stream", json={}),
        await client.post("/api/chat/stream", content=b"{"),
        await client.post("/api/chat/stream", content=b"x" * (LARGEST_BODY + 1)),
        await client.post("/api/auth/logout", headers={"sec-fetch-site": "cross-site"}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 405, 422, 422, 413, 403]
    for answer in answers:
        carries(answer, ALWAYS | DATA)
    client.cookies.clear()
    carries(await client.get("/api/auth/me"), ALWAYS | DATA)


async def test_an_unexpected_failure_is_a_500_with_a_number_and_no_details(
    breaking: Any, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = httpx2.ASGITransport(breaking)
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN, cookies=client.cookies
    ) as unlucky:
        answer = await unlucky.get("/api/models")
    words = refused(answer, 500, "internal")
    carries(answer, ALWAYS | DATA)
    logged = "".join(capsys.readouterr())
    number = words.split()[-1].rstrip(".")
    assert number in logged
    assert "RuntimeError" in logged
    assert "backend/api/models.py" in logged
    assert CANARY not in logged + answer.text


async def test_a_stream_that_fails_midway_is_seen_to_be_broken(
    app: FastAPI, services: Services, client: httpx2.AsyncClient
) -> None:
    class Halfway(Broken):
        async def follow(self, *_: object) -> Any:
            async def frames() -> Any:
                yield b"id: 1\ndata: {}\n\n"
                raise RuntimeError(CANARY)

            return frames()

    broken = dataclasses.replace(services, chat=Halfway())  # type: ignore[arg-type]  # a part that fails on purpose
    async with (
        serving(with_services(app, broken)) as address,
        httpx2.AsyncClient(
            base_url=address, cookies={"parlor": client.cookies["parlor"]}
        ) as reader,
        reader.stream("GET", "/api/chat/turns/any/events") as answer,
    ):
        carries(answer, ALWAYS)
        with pytest.raises(httpx2.RemoteProtocolError):
            await answer.aread()


async def test_the_page_runs_its_own_scripts_only(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.get("/", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    carries(answer, ALWAYS | {"cache-control": "no-cache"})
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'"]
    assert rules["style-src"] == ["'self'"]
    assert rules["connect-src"] == ["'self'"]
    assert rules["img-src"] == ["'self'", "blob:", "data:"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["base-uri"] == ["'none'"]
    assert rules["require-trusted-types-for"] == ["'script'"]
    everything = answer.headers["content-security-policy"]
    assert "unsafe" not in everything
    assert "http" not in everything
    assert "*" not in everything


async def test_over_tls_browsers_are_told_to_stay_there(stranger: httpx2.AsyncClient) -> None:
    for path in ("/", "/health", "/api/auth/me"):
        secure = await stranger.get(f"https://parlor.example{path}")
        assert int(secure.headers["strict-transport-security"].partition("=")[2]) >= 31536000
        assert "strict-transport-security" not in (await stranger.get(path)).headers


async def test_streams_are_passed_on_untouched(
    client: httpx2.AsyncClient, provider: ScriptedProvider
) -> None:
    provider.says(text("hello"))
    client.headers["accept-encoding"] = "br, gzip, deflate, zstd"
    sent = await say(client, "hello")
    turn = sent.headers["x-turn-id"]
    again = await client.get(f"/api/chat/turns/{turn}/events")
    for answer in (sent, again, await client.get("/api/chat/test-stream")):
        carries(
            answer,
            ALWAYS
            | {
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-store, no-transform",
                "x-accel-buffering": "no",
                "content-security-policy": DATA["content-security-policy"],
            },
        )
        assert "content-encoding" not in answer.headers
        assert "content-length" not in answer.headers


async def test_health_answers_without_a_caller_and_without_the_database(
    stranger: httpx2.AsyncClient, app: FastAPI, services: Services
) -> None:
    without = dataclasses.replace(services, database=Broken(), auth=Broken(), chat=Broken())  # type: ignore[arg-type]  # a part that fails on purpose
    transport = httpx2.ASGITransport(with_services(app, without))
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as monitor:
        answer = await monitor.get("/health")
    assert answer.json() == {
        "status": "ok",
        "version": VERSION,
        "active_model": services.catalog.default_model,
        "demo": False,
    }


async def test_readiness_says_which_part_is_missing(
    client: httpx2.AsyncClient, services: Services, provider: ScriptedProvider
) -> None:
    assert (await client.get("/health/ready")).json()["status"] == "ok"
    provider.offered = ProviderUnreachableError("Nobody answers there.")
    await services.catalog.refresh()
    answer = await client.get("/health/ready")
    assert answer.status_code == 200  # the demo still answers
    assert answer.json()["checks"]["scripted"] == {"ok": False, "detail": "Nobody answers there."}
