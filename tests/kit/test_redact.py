"""O8: what looks like a secret does not get into a log line or an error's words."""

import json
import logging
import os
import subprocess
import sys
from time import process_time

import pytest

from backend.kit.redact import REDACTED, redact_event, redacted

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJlLWtlc3RyZWw"
SECRETS = [
    "parlor_key_kestrelAbc_123-x", "parlor_wall_kestrelAbc123",
    "parlor_app_kestrelAbc123", "parlor_renew_kestrel-Abc.kestrel_123", "sk-or-v1-kestrel0123456789",
    "sk-kestrel...wxyz", "sk-proj-kestrel_123", JWT, JWT + ".more", "ABCDE-FGH23-KLMNP-QRST4",
    "AIza" + "k" * 35, "ghp_" + "k" * 36, "xoxb-1234567890-kestrel",
    "-----BEGIN " "PRIVATE KEY-----\nkestrel\n-----END PRIVATE KEY-----", "-----BEGIN RSA " "PRIVATE KEY-----\nkestrel",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_o8_a_secret_is_found_wherever_it_stands_in_the_words(secret: str) -> None:
    for words in (secret, f"Incorrect key: {secret}.", f'{{"key": "{secret}"}}', f"x={secret}&y=1"):
        told = redacted(words)
        assert REDACTED in told
        assert "kestrel" not in told.lower()
        assert secret not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Authorization: Bearer kestrel-token-1", "Authorization: Bearer [redacted]"),
        ("authorization: bearer  kestreltoken", "authorization: bearer  [redacted]"),
        ("Basic YW5uYTprZXN0cmVs", "Basic [redacted]"),
        ("https://anna:kestrel@host.example/x", "https://[redacted]@host.example/x"),
        ("-https://anna:kestrel@host.example", "-https://[redacted]@host.example"),
        ("GET /cb?code=kestrel&state=kestrel2&a=1", "GET /cb?code=[redacted]&state=[redacted]&a=1"),
        ("/setup#code=kestrel", "/setup#code=[redacted]"),
        ("?access_token=kestrel x", "?access_token=[redacted] x"),
    ],
)
def test_o8_what_surrounds_a_secret_stays(words: str, told: str) -> None:
    assert redacted(words) == told


@pytest.mark.parametrize(
    "words",
    ["", "The model does not exist.", "Basic settings are missing", "a key-value store", "task-runner",
     "https://host.example:8443/path?a=b", "2026-11-21T12:00:00Z", "conv_01J9ZK7YB3", "risk-averse",
     "backend/kit/log.py:12 answer", "error_code=not_found", "A bearer token is needed"],
)  # fmt: skip
def test_plain_words_stay_the_very_same_object(words: str) -> None:
    assert redacted(words) is words


def test_o8_values_of_secret_names_go_and_others_stay() -> None:
    event = {
        "event": "asked",
        "authorization": "anything",
        "Cookie": "a=b",
        "refresh_token": "x",
        "password": "correct horse",
        "client-secret": "y",
        "api_key": "z",
        "code": "123456",
        "key": "anything",
        "headers": {"X-Api-Key": "k", "accept": "text/html", "set-cookie": ["a", "b"]},
        "route": "/api/auth/me",
        "number": 7,
        "raw": b"Bearer kestreltoken",
        "thing": ValueError(JWT),
        "deep": [{"inner": {"token": "x"}}],
    }
    told = redact_event(None, "info", event)
    assert told["event"] == "asked"
    gone = (
        "authorization",
        "Cookie",
        "refresh_token",
        "password",
        "client-secret",
        "api_key",
        "code",
        "key",
    )
    assert {told[name] for name in gone} == {REDACTED}
    headers = {"X-Api-Key": REDACTED, "accept": "text/html", "set-cookie": REDACTED}
    assert told["headers"] == headers
    assert (told["route"], told["number"]) == ("/api/auth/me", 7)
    assert "kestrel" not in str(told["raw"])
    assert JWT not in str(told["thing"])
    assert told["deep"] == [{"inner": {"token": REDACTED}}]


def test_an_errors_code_stays_readable() -> None:
    assert redact_event(None, "info", {"code": "not_found"}) == {"code": "not_found"}


def test_it_is_cheap_where_there_is_nothing_to_find() -> None:
    line = {"event": "request", "route": "/api/chat/stream", "turn": "turn_01J9", "ms": 12.5}
    begun = process_time()
    for _ in range(10_000):
        redact_event(None, "info", dict(line))
    assert process_time() - begun < 1


@pytest.mark.parametrize(
    "piece", ["parlor_kesk-eyJ", "-----BEGIN ", "a.", "a-", "key-", "a://b:", "?a_token", "Basic A"]
)
def test_words_made_to_be_slow_are_not(piece: str) -> None:
    hostile = piece * (200_000 // len(piece))
    begun = process_time()
    redacted(hostile)
    assert process_time() - begun < 1


PROGRAM = f"""
import logging, structlog
from backend.kit.log import configure_logging
configure_logging("debug")
structlog.get_logger().info("asked", token="kestrel", words="Bearer kestrel-token")
logging.getLogger("a.library").warning("sent %s", "Authorization: Bearer kestrel-token")
logging.getLogger("a.library").error("url https://anna:kestrel@host.example {JWT}")
"""


def test_o8_neither_our_lines_nor_a_librarys_hold_one() -> None:
    reading, writing = os.pipe()
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=writing, check=True, timeout=10)
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = [json.loads(line) for line in stream]
    assert [line["event"].split()[0] for line in lines] == ["asked", "sent", "url"]
    assert "kestrel" not in json.dumps(lines)
    assert JWT not in json.dumps(lines)
    assert logging.getLogger("a.library").name == "a.library"
