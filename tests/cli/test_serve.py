"""`parlor serve`: where it listens, what it says, how it ends."""

import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import PASSWORD, Run, Server, Terminal, started
from tests.cli.test_commands import words


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A throw-away certificate that is its own authority."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=parlor test"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "keyUsage=critical,digitalSignature,keyCertSign"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_a_port_in_use_is_told_in_a_sentence(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = run("serve", "--port", port)
    assert refused.returncode == 1
    assert port in words(refused.stderr)


def test_without_a_certificate_it_stays_on_loopback(run: Run, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1"):  # noqa: S104  # that is the point
        refused = run("serve", "--host", host, "--port", "0")
        assert refused.returncode == 1
        assert "PARLOR_TLS_CERT" in words(refused.stderr)
    assert not (tmp_path / "state").exists()


def test_half_a_certificate_or_a_broken_one_is_told_in_a_sentence(
    run: Run, certificate: tuple[Path, Path]
) -> None:
    cert, key = map(str, certificate)
    for pair in (
        {"PARLOR_TLS_CERT": cert},
        {"PARLOR_TLS_KEY": key},
        {"PARLOR_TLS_CERT": "/nowhere/cert.pem", "PARLOR_TLS_KEY": key},
        {"PARLOR_TLS_CERT": key, "PARLOR_TLS_KEY": cert},
    ):
        refused = run("serve", "--port", "0", **pair)
        assert refused.returncode == 1
        words(refused.stderr)


def test_it_prints_its_address_the_link_and_that_it_is_a_demo(server: Server) -> None:
    assert f"running at {server.address}\n" in server.stdout
    assert f"{server.address}/setup#code={server.setup_code}" in server.stdout
    assert "OPENROUTER_API_KEY" in server.stdout
    assert httpx2.get(f"{server.address}/health").json()["demo"] is True
    page = httpx2.get(server.address)
    assert page.headers["content-type"].startswith("text/html")
    assert "server" not in page.headers


def test_with_a_certificate_it_speaks_tls(
    environment: dict[str, str], tmp_path: Path, certificate: tuple[Path, Path], run: Run
) -> None:
    cert, key = certificate
    environment |= {"PARLOR_TLS_CERT": str(cert), "PARLOR_TLS_KEY": str(key)}
    trusting = ssl.create_default_context(cafile=str(cert))
    with started(environment, tmp_path) as server:
        assert server.address.startswith("https://127.0.0.1:")
        cookies = server.make_owner(verify=trusting)
        assert set(cookies) == {"__Host-parlor", "__Host-parlor-known"}
        with pytest.raises(httpx2.TransportError):
            httpx2.get(server.address.replace("https", "http"))
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with httpx2.Client(verify=old) as client:
            assert client.get(f"{server.address}/health").status_code == 200
        chat = ("chat", "--server", server.address, "--ca-file", str(cert))
        told = run(*chat, given=f"anna\n{PASSWORD}\n/quit\n")
        assert (told.returncode, told.stderr) == (0, "")
        stranger = run("chat", "--server", server.address)
        assert stranger.returncode == 1
        words(stranger.stderr)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_quietly_also_with_a_screen_open(server: Server, name: str) -> None:
    cookies = server.make_owner()
    with (
        httpx2.Client(base_url=server.address, cookies=cookies) as screen,
        screen.stream("GET", "/api/events") as news,
    ):
        lines = news.iter_lines()
        assert next(lines) == "id: 0"
        server.process.send_signal(signal.Signals[name])
        assert [line for line in lines if line.startswith("event:")] == ["event: hello"]
    server.process.wait(10)
    assert "Traceback" not in server.stderr


def test_ctrl_c_at_a_terminal_ends_it_without_noise(terminal: Callable[..., Terminal]) -> None:
    serve = terminal("serve", "--port", "0")
    serve.shows("running at")
    serve.types("\x03")
    serve.leaves()
    assert "Traceback" not in serve.seen
    assert "Aborted" not in serve.seen


def test_logs_are_lines_of_json_where_nobody_watches(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"PARLOR_PROT": "1"}
    with started(environment, tmp_path) as server:
        lines = [json.loads(line) for line in server.stderr.splitlines()]
    assert {"setting_unknown"} <= {line["event"] for line in lines}
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
