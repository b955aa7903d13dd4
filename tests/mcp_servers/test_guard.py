"""Who may talk to a tool server over HTTP."""

import http.client
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from backend.mcp_servers.guard import Rules
from backend.settings.mcp import McpServerSettings
from tests.mcp_servers.conftest import TOKEN, Running

LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'
ASKING = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "Authorization": f"Bearer {TOKEN}",
}


def ask(
    servers: Running, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, str]:
    place = urlsplit(servers.addresses["calculator"])
    assert place.hostname
    connection = http.client.HTTPConnection(place.hostname, place.port or 0, timeout=5)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_every_server_tells_its_health_without_a_token(servers: Running) -> None:
    status, body = ask(servers, "GET", "/health", {})
    assert status == 200
    assert '"server":"calculator"' in body
    assert ask(servers, "HEAD", "/health", {})[0] == 200


def test_a6_without_the_token_nothing_else_answers(servers: Running) -> None:
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": ""},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer \xff\xfe"},
    )
    for headers in wrong:
        for method, path in (("POST", "/mcp"), ("GET", "/mcp"), ("POST", "/health"), ("GET", "/")):
            status, body = ask(
                servers, method, path, {**ASKING, **headers} if headers else {}, LIST
            )
            assert status == 401, (method, path, headers)
            assert TOKEN not in body


def test_with_the_token_tools_are_listed(servers: Running) -> None:
    status, body = ask(servers, "POST", "/mcp", ASKING, LIST)
    assert status == 200
    assert "calculate" in body
    assert ask(servers, "GET", "/nothing", ASKING)[0] == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9003",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "localhost.evil",
        "localhost@evil",
        "localhost:80:80",
        "localhost:x",
        "x/../login?",
        "",
        " ",
        "[::2]",
        "localhost, evil",
    ],
)
def test_m1_a_foreign_host_is_misdirected(servers: Running, host: str) -> None:
    for path in ("/mcp", "/health"):
        assert ask(servers, "POST", path, {**ASKING, "Host": host}, LIST)[0] in (400, 421)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9003", "localhost."]
)
def test_m1_the_names_of_loopback_are_its_own(servers: Running, host: str) -> None:
    assert ask(servers, "GET", "/health", {"Host": host})[0] == 200


def test_m1_two_hosts_or_none_are_refused(servers: Running) -> None:
    place = urlsplit(servers.addresses["calculator"])
    for lines in ("", "Host: localhost\r\nHost: evil\r\n"):
        with socket.create_connection((place.hostname, place.port), timeout=5) as raw:
            raw.sendall(f"GET /health HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            assert raw.recv(100).split(b" ")[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "http://127.0.0.1:9003.evil.example",
        "ftp://localhost",
        "file://",
    ],
)
def test_m1_a_foreign_page_is_forbidden(servers: Running, origin: str) -> None:
    for path in ("/mcp", "/health"):
        assert ask(servers, "POST", path, {**ASKING, "Origin": origin}, LIST)[0] == 403


def test_m1_pages_of_this_machine_may_call(servers: Running) -> None:
    for origin in ("http://localhost:6274", "http://127.0.0.1:5173"):
        assert ask(servers, "POST", "/mcp", {**ASKING, "Origin": origin}, LIST)[0] == 200


def test_a_body_that_is_too_large_is_refused(servers: Running) -> None:
    assert ask(servers, "POST", "/mcp", ASKING, b" " * 2_000_001)[0] == 413


def test_blanks_around_a_header_are_no_part_of_it(servers: Running) -> None:
    call = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"calculate",'
        b'"arguments":{"expression":"6*7"},"_meta":{'
        b'"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
        b'"io.modelcontextprotocol/clientCapabilities":{}}}}'
    )
    modern = {
        **ASKING,
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "  calculate  ",
    }
    status, body = ask(servers, "POST", "/mcp", modern, call)
    assert status == 200, body
    assert "42" in body


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"\xff", b"[" * 100_000]
)
def test_nonsense_is_refused_and_the_server_lives_on(servers: Running, body: bytes) -> None:
    for version in ({}, {"MCP-Protocol-Version": "2026-07-28"}, {"MCP-Protocol-Version": "x"}):
        status, _ = ask(servers, "POST", "/mcp", {**ASKING, **version}, body)
        assert 400 <= status < 500
    assert ask(servers, "GET", "/health", {})[0] == 200


def test_off_loopback_only_what_the_operator_named_counts() -> None:
    settings = McpServerSettings.model_construct(
        host="192.168.7.9",
        token=SecretStr("x" * 16),
        allowed_hosts=("Tools.lan",),
        allowed_origins=("https://chat.lan/",),
    )
    rules = Rules.of(settings)
    assert rules.admits_host(b"192.168.7.9:9001")
    assert rules.admits_host(b"tools.lan:9001")
    assert not rules.admits_host(b"192.168.7.8:9001")
    assert rules.admits_origin(b"https://chat.lan")
    assert not rules.admits_origin(b"http://chat.lan")
    assert not rules.admits_origin(b"http://localhost:9001")
    everywhere = Rules.of(settings.model_copy(update={"host": "0.0.0.0"}))  # noqa: S104  # nothing listens
    assert not everywhere.admits_host(b"0.0.0.0:9001")
    assert everywhere.admits_host(b"tools.lan")
