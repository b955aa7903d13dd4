"""Releases that share one public socket, as systemd hands it to them."""

import asyncio
import hashlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx2
import pytest
import uvicorn

from backend.cli.server import _Certificate
from backend.kit.clock import SystemClock
from backend.ops.certificates import CertificateFiles, ensure, fingerprint
from tests.cli.conftest import PARLOR

pytestmark = pytest.mark.timeout(60)
PATIENCE = 10.0
_HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Socket number 3, told by the process's own number, as systemd does."""


@dataclass
class Systemd:
    """A public socket, and the channel on which services say how they are."""

    folder: Path
    environment: dict[str, str]
    public: socket.socket
    channel: socket.socket
    heard: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.public.getsockname()[1]}"

    def hears(self, line: str) -> None:
        """Wait until a service has said this."""
        self.channel.settimeout(PATIENCE)
        while line not in self.heard:
            self.heard += self.channel.recv(4096).decode().split("\n")
        self.heard.remove(line)

    @contextmanager
    def starts(self, name: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """A release; it stands by on a private socket of its name."""
        number = self.public.fileno()
        private = str(self.folder / f"{name}.sock")
        process = subprocess.Popen(
            [sys.executable, "-c", _HANDED, str(number), PARLOR, "serve", "--standby", private],
            cwd=self.folder,
            env={
                **self.environment,
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                **more,
            },
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.hears("READY=1")
            yield process
        finally:
            process.kill()
            process.wait()

    def examines(self, name: str) -> dict[str, object]:
        transport = httpx2.HTTPTransport(uds=str(self.folder / f"{name}.sock"))
        with httpx2.Client(transport=transport, base_url="http://localhost") as client:
            answer: dict[str, object] = client.get("/health").raise_for_status().json()
            return answer


@pytest.fixture
def systemd(environment: dict[str, str], tmp_path: Path) -> Iterator[Systemd]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=2048) as public,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
    ):
        channel.bind(str(tmp_path / "notify"))
        yield Systemd(tmp_path, environment, public, channel)


def test_a_release_stands_by_until_it_is_told_to_take_over(systemd: Systemd) -> None:
    with systemd.starts("new") as process:
        assert systemd.examines("new")["status"] == "ok"
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{systemd.address}/health", timeout=0.3)
        process.send_signal(signal.SIGUSR1)
        systemd.hears("STATUS=Serving")
        assert httpx2.get(f"{systemd.address}/health").status_code == 200


class Visitors:
    """People who come all the time, each on a connection of their own."""

    def __init__(self, address: str) -> None:
        self.answers: list[int] = []
        self.failures: list[str] = []
        self._address = address
        self._gone = threading.Event()
        self._threads = [threading.Thread(target=self._come) for _ in range(4)]

    def _come(self) -> None:
        while not self._gone.is_set():
            try:
                answer = httpx2.get(f"{self._address}/health", timeout=5)
                self.answers.append(answer.status_code)
            except httpx2.HTTPError as error:
                self.failures.append(repr(error))

    def see_more(self, count: int) -> None:
        """Go on until so many more have come and gone; all of them then stay away."""
        seen = len(self.answers)
        while len(self.answers) < seen + count and not self.failures:
            self._gone.wait(0.01)
        self.__exit__()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        for thread in self._threads:
            thread.join()


def test_nobody_is_turned_away_while_one_release_follows_another(systemd: Systemd) -> None:
    with systemd.starts("old") as old:
        old.send_signal(signal.SIGUSR1)
        systemd.hears("STATUS=Serving")
        with Visitors(systemd.address) as visitors, systemd.starts("new") as new:
            new.send_signal(signal.SIGUSR1)
            systemd.hears("STATUS=Serving")
            old.send_signal(signal.SIGTERM)
            systemd.hears("STOPPING=1")
            assert old.wait(PATIENCE) in (0, -signal.SIGTERM)
            visitors.see_more(50)
        assert not visitors.failures
        assert set(visitors.answers) == {200}
        assert not (systemd.folder / "old.sock").exists()


def test_systemd_hears_that_it_is_alive(systemd: Systemd) -> None:
    with systemd.starts("new", WATCHDOG_USEC="300000"):
        for _ in range(3):
            systemd.hears("WATCHDOG=1")


def test_standing_by_needs_a_socket_from_systemd(
    environment: dict[str, str], tmp_path: Path
) -> None:
    said = subprocess.run(
        [PARLOR, "serve", "--standby", str(tmp_path / "x.sock")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert "systemd" in said.stderr


def test_a_renewed_certificate_is_used_without_a_restart(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    ensure(files, ["localhost"], SystemClock())
    config = uvicorn.Config(
        "none", ssl_certfile=files.server, ssl_keyfile=files.server_key, log_config=None
    )
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    config.ssl.load_cert_chain(files.server, files.server_key)
    certificate = _Certificate(config)
    first = shown(config.ssl, files)
    ensure(files, ["localhost", "parlor.lan"], SystemClock())
    asyncio.run(certificate.refresh())
    assert fingerprint(files.server) == shown(config.ssl, files) != first
    files.server.write_text("half written")
    asyncio.run(certificate.refresh())
    ensure(files, ["localhost"], SystemClock())
    asyncio.run(certificate.refresh())
    assert shown(config.ssl, files) == fingerprint(files.server)


def test_visitors_see_the_old_certificate_while_the_new_ones_key_is_not_there_yet(
    tmp_path: Path,
) -> None:
    """An owner's own is copied in two steps; and the second may be the wrong file."""
    files, other = CertificateFiles(tmp_path / "here"), CertificateFiles(tmp_path / "other")
    for made in (files, other):
        ensure(made, ["localhost"], SystemClock())
    config = uvicorn.Config(
        "none", ssl_certfile=files.server, ssl_keyfile=files.server_key, log_config=None
    )
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    config.ssl.load_cert_chain(files.server, files.server_key)
    certificate = _Certificate(config)
    before = shown(config.ssl, files)
    files.server.write_bytes(other.server.read_bytes())
    asyncio.run(certificate.refresh())
    assert shown(config.ssl, files) == before
    files.server_key.write_bytes(other.server_key.read_bytes())
    asyncio.run(certificate.refresh())
    assert shown(config.ssl, other) == fingerprint(other.server)


def shown(context: ssl.SSLContext, files: CertificateFiles) -> str:
    """The fingerprint of the certificate that a visitor would see."""
    trusting = ssl.create_default_context(cafile=files.authority)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = client.getpeercert(binary_form=True)
    assert der
    return hashlib.sha256(der).digest().hex(":").upper()
