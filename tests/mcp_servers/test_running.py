"""`parlor mcp`: all servers in one process, or one alone."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.mcp_servers.calling import Caller
from tests.mcp_servers.conftest import PARLOR, PATIENCE, TOKEN, Running, environment, started


def finished(folder: Path, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PARLOR, "mcp", *words],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


async def test_all_servers_answer_from_one_process(servers: Running) -> None:
    assert list(servers.addresses) == [
        "housekeeping",
        "notes",
        "calculator",
        "pdf",
        "weather",
        "web",
        "test-toolkit",
    ]
    async with servers.client("calculator") as calculator, servers.client("notes") as notes:
        assert (await calculator.ok("calculate", expression="2+2"))["value"] == "4"
        await notes.ok("create_note", name="shopping", text="milk")
        found = await notes.ok("search_notes", query="milk")
        assert found["matches"][0]["name"] == "shopping.md"
    async with servers.client("housekeeping") as housekeeping:
        assert (await housekeeping.ok("get_current_time"))["zone"] == "UTC"
        assert await housekeeping.ok("get_host_status")


async def test_all_of_them_take_the_memory_of_one(servers: Running) -> None:
    async with servers.client("test-toolkit") as toolkit:
        await toolkit.ok("test_echo", message="warm")
    assert servers.memory() < 2 * 90_000  # 84 MB on a quiet machine


def test_they_start_quickly_and_stop_at_once_even_in_a_call(tmp_path: Path) -> None:
    begun = time.monotonic()
    with started(tmp_path, "serve") as running:
        assert time.monotonic() - begun < 2 * 2  # 1.0 s on a quiet machine
        place = running.addresses["test-toolkit"].removeprefix("http://").split(":")
        with socket.create_connection((place[0], int(place[1])), timeout=PATIENCE) as caller:
            caller.sendall(_call("wait", '{"seconds": 200}'))
            _accepted(running)
            begun = time.monotonic()
            running.stop()
        assert time.monotonic() - begun < 2
    assert "Traceback" not in running.stderr


def _call(tool: str, arguments: str) -> bytes:
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
        f'{{"name":"{tool}","arguments":{arguments}}}}}'
    )
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def _accepted(running: Running) -> None:
    """By the time later requests are answered, the one before has been taken up."""
    for _ in range(3):
        health = httpx2.get(f"{running.addresses['test-toolkit']}/health", timeout=PATIENCE)
        assert health.status_code == 200


def test_nothing_is_printed_but_addresses_and_no_log_is_rich(servers: Running) -> None:
    assert servers.stderr == "" or all(line.startswith("{") for line in servers.stderr.splitlines())


def test_some_of_them_are_started_by_name(tmp_path: Path) -> None:
    with started(tmp_path, "serve", "--only", "calculator,notes", count=2) as running:
        assert list(running.addresses) == ["calculator", "notes"]
    with started(tmp_path, "serve", count=1, PARLOR_MCP_SERVERS="web") as running:
        assert list(running.addresses) == ["web"]
    told = finished(tmp_path, "serve", "--only", "calender")
    assert told.returncode == 1
    assert "housekeeping, notes" in told.stderr


def test_one_that_cannot_run_is_named_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base = taken.getsockname()[1] - 3
        if base + 13 > 65535:
            pytest.skip("the free port is too high for the ones above it")
        with started(
            tmp_path,
            "serve",
            "--only",
            "notes,calculator,housekeeping",
            count=1,
            PARLOR_MCP_BASE_PORT=str(base),
            PARLOR_MCP_NOTES_DIR=str(tmp_path / "a file"),
        ) as running:
            assert list(running.addresses) == ["housekeeping"]
            assert "notes does not run: " in running.stderr
            assert f"calculator does not run: 127.0.0.1:{base + 3} cannot" in running.stderr


def test_a6_off_loopback_they_do_not_start_without_a_token(tmp_path: Path) -> None:
    for words in (("serve",), ("run", "calculator", "--transport", "http")):
        told = finished(tmp_path, *words, PARLOR_MCP_HOST="192.0.2.1")
        assert told.returncode == 1
        assert "PARLOR_MCP_TOKEN" in told.stderr
    short = finished(tmp_path, "serve", PARLOR_MCP_TOKEN="short")
    assert short.returncode == 2
    assert "PARLOR_MCP_TOKEN" in short.stderr


async def test_one_runs_alone_over_http(tmp_path: Path) -> None:
    with started(
        tmp_path,
        *("run", "calculator", "--transport", "http", "--port", "0"),
        count=1,
        PARLOR_MCP_TOKEN=TOKEN,
    ) as running:
        async with running.client("calculator") as calculator:
            assert (await calculator.ok("calculate", expression="6*7"))["value"] == "42"


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ((PARLOR, "mcp", "run", "test-toolkit"), "test_echo"),
        ((sys.executable, "-m", "backend.mcp_servers.test_toolkit"), "test_echo"),
        ((sys.executable, "-m", "backend.mcp_servers.sample_server"), "test_echo"),
        ((sys.executable, "-m", "backend.mcp_servers.calculator"), "calculate"),
    ],
    ids=["command", "module", "the sample of older definitions", "another module"],
)
async def test_one_runs_alone_over_stdio(
    tmp_path: Path, command: tuple[str, ...], tool: str
) -> None:
    root = Path(__file__).parents[2]
    parameters = StdioServerParameters(
        command=command[0],
        args=list(command[1:]),
        env=environment(tmp_path, PYTHONPATH=str(root)),
        cwd=tmp_path,
    )
    with (tmp_path / "errors").open("w") as errors:
        async with Client(stdio_client(parameters, errlog=errors)) as client:
            caller = Caller(client)
            assert tool in [each.name for each in (await client.list_tools()).tools]
            if tool == "test_echo":
                assert await caller.ok(tool, message="hi") == {"message": "hi"}
                assert await caller.refused("fail") == "This tool fails on purpose."
    assert (tmp_path / "errors").read_text() == ""


def test_they_are_listed_with_what_they_want(tmp_path: Path) -> None:
    told = finished(tmp_path, "list", PARLOR_MCP_BASE_PORT="9000", PARLOR_MCP_SERVERS="web,pdf")
    assert told.returncode == 0
    assert " 9003  calculator" in told.stdout
    assert "PARLOR_MCP_SEARXNG_URL" in told.stdout
    assert "9004 calendar" in told.stdout
    assert "[off]" in told.stdout.splitlines()[0]


def test_no_secret_is_in_what_is_printed(tmp_path: Path) -> None:
    with started(tmp_path, "serve", PARLOR_MCP_TOKEN="canary-" * 4) as running:
        os.kill(running.process.pid, 0)
    assert "canary" not in running.stderr
