"""Our own HTTP/1.1 for streamed answers: what servers do between the lines."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.providers.base import GarbledAnswerError, ProviderUnreachableError
from backend.providers.dialer import Origin
from backend.providers.openai_compatible import OpenAICompatible
from tests.fakes.answers import DONE, Scenario, answer, finish, raw, said, text
from tests.fakes.upstream import FakeUpstream
from tests.providers.asking import hear

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
BODY = said("Hi") + finish() + DONE


def exactly(data: bytes) -> Scenario:
    """These bytes on the wire, then the end of the connection."""
    return raw(data, head=False, framing="close", content_type="")


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        HEAD + b"\r\n" + BODY,
        HEAD.replace(b"1.1", b"1.0") + b"\r\n" + BODY,
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n" + BODY,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"\r\n" + BODY,
        HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n"
        % (len(BODY), BODY),
    ],
    ids=["length", "to the end", "HTTP/1.0", "continue", "early hints", "extension and trailer"],
)
async def test_every_framing_of_a_response_is_read(upstream, compatible, data):
    upstream.says(exactly(data))
    heard = await hear(compatible)
    assert (heard.text, heard.reason) == ("Hi", "stop")


async def test_a_response_shorter_than_its_length_was_cut_off(upstream, compatible):
    data = said("Once")
    upstream.says(exactly(HEAD + b"Content-Length: 1000\r\n\r\n" + data))
    heard = await hear(compatible)
    assert heard.text == "Once"
    assert isinstance(heard.failure, ProviderUnreachableError)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(100)),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["endless headers", "no chunk size", "another protocol"],
)
async def test_what_is_no_response_is_garbled(upstream, compatible, data):
    upstream.says(*[exactly(data)] * 3)
    assert isinstance((await hear(compatible)).failure, GarbledAnswerError)


async def test_a_compressed_answer_is_refused(upstream, compatible):
    upstream.says(answer(said("Hi"), DONE, headers={"Content-Encoding": "gzip"}))
    heard = await hear(compatible)
    assert isinstance(heard.failure, GarbledAnswerError)
    assert "compressed" in heard.failure.detail


async def test_a_kept_connection_that_has_gone_is_replaced(upstream, compatible):
    upstream.says(text("One"), text("Two"))
    assert (await hear(compatible)).text == "One"
    for connection in list(upstream.open):
        connection.hang_up()
    await upstream.is_idle()
    await asyncio.sleep(0)  # the loop has read the reset by then
    assert (await hear(compatible)).text == "Two"
    assert [chat.connection for chat in upstream.chats] == [0, 1]


async def test_a_connection_with_words_nobody_asked_for_is_not_used_again(upstream, compatible):
    """Such as the 408 that a server sends before it closes an idle connection."""
    late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    whole = b"%bContent-Length: %d\r\n\r\n%b" % (HEAD, len(BODY), BODY)
    upstream.says(raw(whole + late, head=False, content_type="", framing="chunked"), text("Two"))
    upstream.says()
    await hear(compatible)
    assert (await hear(compatible)).text == "Two"
    assert [chat.connection for chat in upstream.chats] == [0, 1]


async def test_a_key_with_a_line_break_sends_nothing(upstream, policy):
    async with OpenAICompatible(
        id="local", base_url=upstream.base_url, api_key="a\r\nX-Evil: 1", policy=policy
    ) as provider:
        assert isinstance((await hear(provider)).failure, ProviderUnreachableError)
    assert upstream.connections == 0


async def test_answers_come_over_tls(tmp_path, monkeypatch, policy):
    context, certificate = _self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the owner's own authority
    async with FakeUpstream(tls=context) as upstream:
        upstream.says(text("One"), text("Two"))
        async with OpenAICompatible(
            id="local", base_url=upstream.base_url, policy=policy
        ) as provider:
            assert [(await hear(provider)).text for _ in range(2)] == ["One", "Two"]
        assert {chat.connection for chat in upstream.chats} == {0}


async def test_a_certificate_nobody_vouches_for_is_refused(tmp_path, policy):
    context, _ = _self_signed(tmp_path)
    async with (
        FakeUpstream(tls=context) as upstream,
        OpenAICompatible(id="local", base_url=upstream.base_url, policy=policy) as provider,
    ):
        heard = await hear(provider)
    assert isinstance(heard.failure, ProviderUnreachableError)
    assert "certificate" in heard.failure.detail
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://a.test/v1", Origin("a.test", 80, False, "a.test", "/v1")),
        ("https://a.test:443/v1", Origin("a.test", 443, True, "a.test", "/v1")),
        ("http://a.test:8080", Origin("a.test", 8080, False, "a.test:8080", "")),
        ("http://[::1]:11434/v1", Origin("::1", 11434, False, "[::1]:11434", "/v1")),
        (
            "https://bücher.test/ä b",
            Origin("bücher.test", 443, True, "xn--bcher-kva.test", "/%C3%A4%20b"),
        ),
    ],
)
def test_an_address_is_taken_apart(url, origin):
    assert Origin.of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "a.test", "ftp://a.test", "http://a.test:0", "http://a.test:x"]
)
def test_what_is_no_web_address_is_said(url):
    with pytest.raises(ValueError, match=r"."):
        Origin.of(url)


def _self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake upstream")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return context, path
