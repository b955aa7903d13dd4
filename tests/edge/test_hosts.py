"""E1, E2: a request for a name that is not ours goes no further, and no name changes who may do what."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from backend.api.edge import certificate_names, gate
from backend.app import create_app
from backend.auth.people import User
from backend.settings import Settings
from backend.settings.server import ServerSettings
from tests.api.asking import refused
from tests.conftest import ORIGIN
from tests.edge.conftest import WithEdge
from tests.edge.doors import scope, status, told

CRAFTED = [
    "x/../login?", "x/../login?a=", "127.0.0.1/login?", "127.0.0.1#", "127.0.0.1?x=", "127.0.0.1\\x",
    "127.0.0.1:80:80", "127.0.0.1:", "127.0.0.1:abc", "127.0.0.1:999999", "user@127.0.0.1",
    "127.0.0.1, evil.example", "127.0.0.1 evil.example", " ", "", ".", "..", "-", "[::1", "::1",
    "[::1]]", "[127.0.0.1]x", "[fe80::1%25lo]", "%31%32%37.0.0.1", "<script>alert(1)</script>",
    "http://127.0.0.1", "//127.0.0.1", "127.0.0.1/health", "/health", "a" * 300,
]  # fmt: skip
FOREIGN = [
    "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example",
    "127.0.0.2", "10.0.0.1", "[::2]", "parlor.example.evil.example", "xparlor.example",
]  # fmt: skip


def filled(path: str) -> str:
    return "/".join("some" if step.startswith("{") else step for step in path.split("/"))


def all_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        yield from ((method, filled(str(route.path))) for method in sorted(route.methods or ()))


EVERY_ROUTE = sorted(set(all_routes(create_app(Settings.defaults()))))


@pytest.mark.parametrize("host", CRAFTED)
def test_e1_a_host_that_is_no_plain_name_is_a_bad_request(host: str, with_edge: WithEdge) -> None:
    code, body = told(gate(with_edge(hosts="parlor.example")), scope(host=host))
    assert code == 400
    assert '"bad_request"' in body
    assert "alert" not in body


@pytest.mark.parametrize("host", ["x/../login?", "127.0.0.1/../health?", "evil.example"])
async def test_e1_no_route_is_reached_by_a_crafted_host(
    host: str, stranger: httpx2.AsyncClient, owner: User
) -> None:
    wanted = (421, "unknown_host") if host == "evil.example" else (400, "bad_request")
    for method, path in EVERY_ROUTE:
        refused(await stranger.request(method, path, headers={"host": host}), *wanted)
    for path in ("/", "/login", "/assets/none.js", "/nothing", "/api/nothing"):
        refused(await stranger.get(path, headers={"host": host}), *wanted)


@pytest.mark.parametrize("host", FOREIGN)
def test_e2_a_foreign_name_is_told_what_to_set(host: str, with_edge: WithEdge) -> None:
    settings = with_edge(hosts="parlor.example", public_url="https://home.example/")
    code, body = told(gate(settings), scope(host=host))
    assert code == 421
    assert '"unknown_host"' in body
    assert "PARLOR_HOSTS" in body
    assert "PARLOR_PUBLIC_URL" in body
    assert "evil" not in body


@pytest.mark.parametrize(
    "host",
    ["parlor.example", "PARLOR.example", "parlor.example.", "parlor.example:9", "home.example",
     "second.example:443", "127.0.0.1", "localhost:8000", "[::1]:8000", "192.168.7.9:1"],
)  # fmt: skip
def test_e2_its_own_names_are_answered_to(host: str, with_edge: WithEdge) -> None:
    settings = with_edge(
        hosts="parlor.example, second.example, 192.168.7.9",
        public_url="https://home.example:8443/x",
    )
    door = gate(settings)
    assert [told(door, scope(host=host))[0] for _ in range(2)] == [0, 0]


def test_e2_names_of_loopback_count_only_for_connections_on_loopback(with_edge: WithEdge) -> None:
    settings = with_edge()
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert status(settings, host=host) == 0
        assert status(settings, host=host, server=("::1", 8000)) == 0
        assert status(settings, host=host, server=("::ffff:127.0.0.1", 8000)) == 0
        assert status(settings, host=host, server=("/run/parlor.sock", None), peer="") == 0
        assert status(settings, host=host, server=("192.168.7.9", 8000)) == 421
    assert status(settings, host="192.168.7.9:8000", server=("192.168.7.9", 8000)) == 0
    assert status(settings, host="192.168.7.8:8000", server=("192.168.7.9", 8000)) == 421
    assert status(settings, host="[fd00::7]", server=("fd00:0:0::7", 8000)) == 0


def test_e2_a_remembered_name_is_not_right_on_another_address(with_edge: WithEdge) -> None:
    door = gate(with_edge())
    assert told(door, scope(host="localhost"))[0] == 0
    assert told(door, scope(host="localhost", server=("192.168.7.9", 1)))[0] == 421


def test_e2_the_names_in_the_certificate_are_ours(tmp_path: Path, with_edge: WithEdge) -> None:
    chain = tmp_path / "chain.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", tmp_path / "k", "-out", chain, "-days", "1", "-subj", "/CN=x"),
            *("-addext", "subjectAltName=DNS:kitchen.lan,DNS:*.wild.lan,IP:192.168.7.9,IP:fd00::9"),
        ],
        check=True,
        capture_output=True,
    )
    assert certificate_names(chain) == ["kitchen.lan", "192.168.7.9", "fd00::9"]
    server = ServerSettings.model_construct(state_dir=tmp_path, tls_cert=chain, tls_key=chain)
    settings = with_edge().model_copy(update={"server": server})
    reached = {"server": ("10.1.1.1", 443)}
    assert status(settings, host="kitchen.lan", **reached) == 0
    assert status(settings, host="192.168.7.9", **reached) == 0
    assert status(settings, host="any.wild.lan", **reached) == 421
    assert status(settings, host="x", **reached) == 421


@pytest.mark.parametrize("hosts", [(), ("a.example", "b.example"), ("127.0.0.1", "127.0.0.1")])
def test_e1_a_host_is_named_exactly_once(hosts: tuple[str, ...], with_edge: WithEdge) -> None:
    at = scope(*(("Host", host) for host in hosts), host=None)
    assert told(gate(with_edge(hosts="a.example")), at)[0] == 400


@pytest.mark.parametrize(
    "name", ["*", "a.example/", "http://a.example", "a.example:80", "a;b", "<b>"]
)
def test_a_setting_that_is_no_name_is_refused(name: str, with_edge: WithEdge) -> None:
    with pytest.raises(ValueError, match="hosts"):
        with_edge(hosts=name)


@pytest.mark.parametrize(
    "header", ["Accept-Language", "User-Agent", "X-Forwarded-Host", "Referer", "Host"]
)
async def test_e3_no_header_reaches_a_page(header: str, stranger: httpx2.AsyncClient) -> None:
    payload = '"><script>alert(/kestrel/)</script>'
    for path in ("/", "/login", "/conversation/x", "/api/nothing", "/health", "/api/auth/setup"):
        answer = await stranger.get(path, headers={header: payload, "Accept": "text/html"})
        assert "kestrel" not in answer.text
        assert "kestrel" not in str(answer.headers)


async def test_e1_nothing_of_the_forwarded_host_is_believed(stranger: httpx2.AsyncClient) -> None:
    for name in ("X-Forwarded-Host", "X-Original-Host", "Forwarded", "X-Host"):
        answer = await stranger.get(
            "/health", headers={name: "evil.example", "host": "evil.example"}
        )
        refused(answer, 421, "unknown_host")
        assert (await stranger.get("/health", headers={name: "evil.example"})).status_code == 200
    assert ORIGIN.startswith("http://127.0.0.1")
