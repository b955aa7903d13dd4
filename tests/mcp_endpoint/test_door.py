"""Who comes in at `/mcp`, and how much at a time. (Everybody with everything: tests/security.)"""

import asyncio
import subprocess
import sys

import httpx2
import pytest
from mcp import MCPError

from backend.auth.people import Caller
from backend.container import Services
from backend.providers.base import TextDelta
from tests.api.asking import refused
from tests.api.conftest import sign_in
from tests.architecture import tree
from tests.conftest import HERE, USERNAME
from tests.fakes.scripted import ScriptedProvider, text
from tests.fakes.waiting import until
from tests.mcp_endpoint.programs import COMPLETIONS, Programs, answer, asking, request, words

LIST, HEADERS = request("tools/list")
GARBAGE = [
    *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"jsonrpc": "2.0"}'),
    *(b"[" * 50_000, b"9" * 50_000, b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}'),
    b'{"jsonrpc":"2.0","id":{"a":1},"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[1]}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7,"arguments":"x"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":"\\ud800"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":{}}}',
]


async def test_a2_a_cookie_is_no_program(programs: Programs) -> None:
    base = programs.url.removesuffix("/mcp")
    async with httpx2.AsyncClient(base_url=base, timeout=5) as browser:
        await sign_in(browser, USERNAME)
        assert (await browser.get("/api/auth/me")).status_code == 200
        refused(await browser.post("/mcp", json=LIST, headers=HEADERS), 401, "not_signed_in")


async def test_who_shows_nothing_is_told_where_tokens_come_from(programs: Programs) -> None:
    async with httpx2.AsyncClient(timeout=5) as nobody:
        answered = await nobody.post(programs.url, json=LIST, headers=HEADERS)
    refused(answered, 401, "not_signed_in")
    base = programs.url.removesuffix("/mcp")
    challenge = answered.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    assert f'resource_metadata="{base}/.well-known/oauth-protected-resource/mcp"' in challenge


async def test_a_key_for_something_else_is_refused(programs: Programs) -> None:
    key = await programs.key("read")
    refused(await programs.post(LIST, key, **HEADERS), 403, "scope_missing")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_no_stream_to_listen_to_and_no_session_to_end(
    programs: Programs, method: str
) -> None:
    headers = {"authorization": f"Bearer {await programs.key()}", "accept": "text/event-stream"}
    async with httpx2.AsyncClient(timeout=5) as http:
        answered = await http.request(method, programs.url, headers=headers)
    refused(answered, 405, "method_not_allowed")
    assert answered.headers["allow"] == "POST"


async def test_o9_pages_of_other_sites_and_unknown_names_are_refused(programs: Programs) -> None:
    evil = await programs.post(LIST, **HEADERS, origin="https://evil.example")
    refused(evil, 403, "cross_site")
    rebound = await programs.post(LIST, **HEADERS, host="evil.example")
    refused(rebound, 421, "unknown_host")


@pytest.mark.parametrize("era", ["modern", "older"])
async def test_garbage_is_refused_in_the_protocols_words(programs: Programs, era: str) -> None:
    secret, headers = await programs.key(), HEADERS if era == "modern" else {}
    for body in GARBAGE:
        answered = await programs.post(body, secret, **headers)
        assert 200 <= answered.status_code < 500, body[:100]
        assert "Traceback" not in answered.text
        assert "pydantic.dev" not in answered.text
    good = await programs.post(LIST, secret, **HEADERS)
    assert "result" in good.json()


async def test_what_is_too_large_is_refused(programs: Programs) -> None:
    refused(await programs.post(b"x" * 4_000_001), 413, "too_large")


async def test_no_answer_is_kept_on_the_way(programs: Programs, provider: ScriptedProvider) -> None:
    gate = asyncio.Event()
    provider.says([TextDelta("x"), gate, *text("y")])
    message, headers = request("tools/call", name=COMPLETIONS, arguments=asking())
    message["params"]["_meta"]["progressToken"] = "p"
    calling = asyncio.ensure_future(programs.post(message, **headers))
    await provider.was_asked()
    gate.set()
    for answered in (await programs.post(LIST, **HEADERS), await calling):
        assert answered.headers["cache-control"] == "no-store, no-transform"
        assert answered.headers["x-accel-buffering"] == "no"
        assert answered.headers["x-content-type-options"] == "nosniff"


async def test_calls_of_one_person_at_once_are_limited_in_words(
    programs: Programs, provider: ScriptedProvider
) -> None:
    gate = asyncio.Event()
    provider.always = [gate, *text("done")]
    async with programs.connected() as client:
        calls = [asyncio.ensure_future(client.call_tool(COMPLETIONS, asking())) for _ in range(8)]
        await provider.was_asked(8)
        assert "8 calls of yours are running" in words(
            await client.call_tool(COMPLETIONS, asking())
        )
        gate.set()
        for result in await asyncio.gather(*calls):
            answer(result)
        answer(await client.call_tool(COMPLETIONS, asking()))


async def test_a2_a_removed_key_ends_what_runs_with_it(
    programs: Programs, provider: ScriptedProvider, services: Services
) -> None:
    owner = Caller(programs.owner, "session", "session_of_a_test")
    secret = await programs.key()
    [key] = await services.accounts.keys.listed(owner)
    provider.says([TextDelta("so"), asyncio.Event()])
    message, headers = request("tools/call", name=COMPLETIONS, arguments=asking())
    calling = asyncio.ensure_future(programs.post(message, secret, **headers))
    await provider.was_asked()
    await services.accounts.keys.remove(owner, key.id, origin=HERE)
    await provider.is_idle()
    refused(await calling, 401, "not_signed_in")
    await until(lambda: len(services.streams) == 0)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_hangs_up_stops_the_model(
    programs: Programs, provider: ScriptedProvider, services: Services, mode: str
) -> None:
    provider.says([TextDelta("so"), asyncio.Event()])
    async with programs.connected(mode=mode) as client:
        call = asyncio.ensure_future(client.call_tool(COMPLETIONS, asking()))
        await provider.was_asked()
        call.cancel()
        with pytest.raises((asyncio.CancelledError, MCPError)):
            await call
    await provider.is_idle()
    await until(lambda: len(services.streams) == 0)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_parlor_that_stops_lets_calls_end_and_then_ends_them_in_words(
    programs: Programs, provider: ScriptedProvider, services: Services, mode: str
) -> None:
    gate = asyncio.Event()
    provider.says([gate, *text("in time")])
    async with programs.connected(mode=mode) as client:
        first = asyncio.ensure_future(client.call_tool(COMPLETIONS, asking()))
        await provider.was_asked()
        stopping = asyncio.ensure_future(services.mcp_endpoint.drain(5))
        gate.set()
        assert answer(await first)["message"]["content"] == "in time"
        await stopping
        assert "Parlor is restarting" in words(await client.call_tool(COMPLETIONS, asking()))


async def test_a_call_that_takes_longer_than_a_stop_is_ended_in_words(
    programs: Programs, provider: ScriptedProvider, services: Services
) -> None:
    provider.says([TextDelta("so"), asyncio.Event()])
    async with programs.connected() as client:
        call = asyncio.ensure_future(client.call_tool(COMPLETIONS, asking()))
        await provider.was_asked()
        await services.mcp_endpoint.drain(0.01)
        assert "Parlor is restarting and ended this call" in words(await call)
    await provider.is_idle()


def test_an_application_that_serves_no_program_has_not_loaded_the_protocol() -> None:
    code = (
        "import sys, backend.app, backend.api.mcp, backend.mcp_endpoint.service\n"
        "sys.exit(any(name.split('.')[0] in ('mcp', 'mcp_types') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tree.ROOT, check=False)
    assert done.returncode == 0
