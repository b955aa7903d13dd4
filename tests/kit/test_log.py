"""Logs never hold what people said, not even in the traceback of a failure."""

import json
import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
import structlog
from backend.kit.log import configure_logging
configure_logging("info")
def answer(message):
    raise ValueError(message)
try:
    answer("a very " + "private thing")
except ValueError:
    structlog.get_logger().exception("turn_failed", turn="turn_1")
"""


def _run(stderr: int) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=stderr, check=True, timeout=10)


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_traceback_on_a_terminal_shows_no_local_variables(terminal):
    ours, theirs = terminal
    _run(theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    assert "turn_failed" in shown
    assert "ValueError" in shown
    assert "very private thing" not in shown


def test_a_log_elsewhere_is_one_json_object_a_line():
    reading, writing = os.pipe()
    _run(writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        (line,) = lines.readlines()
    logged = json.loads(line)
    assert (logged["event"], logged["level"], logged["turn"]) == ("turn_failed", "error", "turn_1")
    assert logged["error"] == "ValueError"
    assert logged["where"][-1].endswith(":6 answer")
    assert "very private thing" not in line
