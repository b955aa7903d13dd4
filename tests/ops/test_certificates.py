"""The authority and the server's certificate, judged by real TLS handshakes."""

import asyncio
import os
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from backend.kit.clock import SystemClock
from backend.ops.certificate_names import CertificateError
from backend.ops.certificates import LEAF_LIFE, CertificateFiles, ensure, fingerprint
from tests.fakes.clock import StillClock

NAMES = ["localhost", "127.0.0.1", "parlor.lan", "192.168.1.111", "chat.example.org", "fd00::1"]


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(tmp_path / "certs")


def strict_context(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.authority)
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    return context


def handshake(files: CertificateFiles, name: str) -> None:
    """A TLS connection to a server with this certificate. Raises ssl.SSLError."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.server, files.server_key)

    trusting = strict_context(files)

    async def bye(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def connect() -> None:
        async with await asyncio.start_server(bye, "127.0.0.1", 0, ssl=serving) as server:
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trusting, server_hostname=name
            )
            writer.close()

    asyncio.run(connect())


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_client_that_trusts_the_authority_accepts_every_name(
    files: CertificateFiles, name: str
) -> None:
    ensure(files, NAMES, SystemClock())
    handshake(files, name)


@pytest.mark.parametrize("name", ["example.org", "evil.lan", "192.168.1.112"])
def test_another_name_is_refused(files: CertificateFiles, name: str) -> None:
    ensure(files, NAMES, SystemClock())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(files, name)


def test_the_same_command_again_changes_nothing(files: CertificateFiles) -> None:
    first = ensure(files, NAMES, SystemClock())
    before = {path.name: path.read_bytes() for path in files.folder.iterdir()}
    second = ensure(files, reversed_names(), SystemClock())
    assert (first.authority, first.server) == (True, True)
    assert (second.authority, second.server) == (False, False)
    assert {path.name: path.read_bytes() for path in files.folder.iterdir()} == before


def reversed_names() -> list[str]:
    return [*reversed(NAMES), "LOCALHOST."]


def test_keys_are_for_their_owner_only(files: CertificateFiles) -> None:
    ensure(files, NAMES, SystemClock())
    for key in (files.authority_key, files.server_key):
        assert key.stat().st_mode & 0o777 == 0o600
    assert not list(files.folder.glob("*.new"))


def test_certificates_can_be_read_by_the_server_also_when_the_unit_has_a_narrow_umask(
    files: CertificateFiles,
) -> None:
    before = os.umask(0o077)
    try:
        ensure(files, NAMES, SystemClock())
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in files.folder.iterdir()}
    assert modes == {
        "authority.crt": 0o644,
        "authority.key": 0o600,
        "server.crt": 0o644,
        "server.key": 0o600,
    }


def test_the_certificate_is_renewed_a_month_before_it_ends(files: CertificateFiles) -> None:
    clock = StillClock()
    ensure(files, NAMES, clock)
    old = fingerprint(files.server)
    clock.forward(seconds=(LEAF_LIFE - timedelta(days=32)).total_seconds())
    assert not ensure(files, NAMES, clock).server
    clock.forward(seconds=timedelta(days=3).total_seconds())
    renewed = ensure(files, NAMES, clock)
    assert renewed.server
    assert not renewed.authority
    assert fingerprint(files.server) != old


def test_a_new_private_name_makes_a_new_certificate_of_the_same_authority(
    files: CertificateFiles,
) -> None:
    ensure(files, NAMES, SystemClock())
    authority = fingerprint(files.authority)
    assert ensure(files, [*NAMES, "kitchen.lan", "10.1.2.3"], SystemClock()).server
    assert fingerprint(files.authority) == authority


def test_a_new_public_name_is_refused_because_the_authority_may_not_vouch_for_it(
    files: CertificateFiles,
) -> None:
    ensure(files, NAMES, SystemClock())
    before = files.server.read_bytes()
    with pytest.raises(CertificateError, match=r"vouch for bank\.example"):
        ensure(files, [*NAMES, "bank.example"], SystemClock())
    assert files.server.read_bytes() == before


def test_a_stolen_authority_key_cannot_stand_in_for_a_strangers_site(
    files: CertificateFiles,
) -> None:
    ensure(files, NAMES, SystemClock())
    key = load_pem_private_key(files.authority_key.read_bytes(), None)
    leaf = x509.load_pem_x509_certificate(files.server.read_bytes())
    builder = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(leaf.issuer)
        .public_key(leaf.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(leaf.not_valid_before_utc)
        .not_valid_after(leaf.not_valid_after_utc)
    )
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.DNSName("bank.example")])
        builder = builder.add_extension(value, extension.critical)
    forged = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    files.server.write_bytes(forged + files.authority.read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(files, "bank.example")


def test_openssl_finds_the_chain_good(files: CertificateFiles) -> None:
    ensure(files, NAMES, SystemClock())
    said = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", str(files.authority), str(files.server)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name", ["", " ", "a b", "http://x", "x/y", "*" * 300])
def test_what_is_no_name_is_refused_and_nothing_is_made(files: CertificateFiles, name: str) -> None:
    with pytest.raises(CertificateError):
        ensure(files, [name], SystemClock())
    assert not files.folder.exists()


def test_without_the_authoritys_key_the_words_say_where_it_is(files: CertificateFiles) -> None:
    ensure(files, NAMES, SystemClock())
    files.authority_key.unlink()
    with pytest.raises(CertificateError, match=r"authority\.key is missing"):
        ensure(files, [*NAMES, "other.lan"], SystemClock())


def test_a_damaged_file_is_named(files: CertificateFiles) -> None:
    ensure(files, NAMES, SystemClock())
    files.authority.write_text("no certificate")
    with pytest.raises(CertificateError, match=r"authority\.crt"):
        ensure(files, NAMES, SystemClock())


def test_a_key_that_a_power_cut_parted_from_its_certificate_is_noticed(
    files: CertificateFiles, tmp_path: Path
) -> None:
    """The new key is in place before the new certificate: with the old one no server starts."""
    ensure(files, NAMES, SystemClock())
    other = CertificateFiles(tmp_path / "other")
    ensure(other, NAMES, SystemClock())
    other.server_key.rename(files.server_key)
    assert ensure(files, NAMES, SystemClock()).server
    handshake(files, "localhost")


@pytest.mark.parametrize("name", ["server.crt", "server.key"])
def test_a_servers_file_that_is_damaged_is_made_anew(files: CertificateFiles, name: str) -> None:
    ensure(files, NAMES, SystemClock())
    (files.folder / name).write_text("nothing")
    made = ensure(files, NAMES, SystemClock())
    assert (made.authority, made.server) == (False, True)
    handshake(files, "localhost")


def test_a_certificate_without_names_is_somebody_elses_and_makes_place(
    files: CertificateFiles,
) -> None:
    ensure(files, NAMES, SystemClock())
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-subj", "/CN=old", "-out", str(files.server)]
    subprocess.run([*words, "-keyout", str(files.server_key)], check=True, capture_output=True)
    assert ensure(files, NAMES, SystemClock()).server
    handshake(files, "localhost")


def test_the_key_of_another_authority_signs_nothing(
    files: CertificateFiles, tmp_path: Path
) -> None:
    """Nobody would trust it, and each look would make another one."""
    ensure(files, NAMES, SystemClock())
    other = CertificateFiles(tmp_path / "other")
    ensure(other, NAMES, SystemClock())
    files.authority_key.write_bytes(other.authority_key.read_bytes())
    before = files.server.read_bytes()
    with pytest.raises(CertificateError, match=r"is not the key of"):
        ensure(files, [*NAMES, "kitchen.lan"], SystemClock())
    assert files.server.read_bytes() == before
