"""Servers that are commands: what they get of us, how they end, what they say."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import orjson
import pytest
import structlog

from backend.toolbox.child import redacted
from backend.toolbox.records import CallFailedError, Command
from tests.fakes.waiting import until

SERVER = """
import json, os, sys
def say(message, **body):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **body}), flush=True)
print("token=abcdefgh started", file=sys.stderr, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method = message["method"]
    if "id" not in message:
        continue
    if method == "initialize":
        info = {"name": "child", "version": "1"}
        say(message, result={"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info})
    elif method == "tools/list":
        say(message, result={"tools": [{"name": "look", "inputSchema": {"type": "object"}}]})
    elif method == "tools/call" and message["params"].get("arguments", {}).get("die"):
        os._exit(3)
    elif method == "tools/call":
        seen = json.dumps({"env": dict(os.environ), "pid": os.getpid(), "cwd": os.getcwd()})
        say(message, result={"content": [{"type": "text", "text": seen}]})
    else:
        say(message, error={"code": -32601, "message": "Method not found"})
"""


def command(tmp_path: Path, program: str = SERVER, **more) -> Command:
    file = tmp_path / "server.py"
    file.write_text(program)
    return Command((sys.executable, str(file)), **more)


async def look(shop, server) -> dict:
    return orjson.loads((await shop.call(server, "look")).text)


async def test_a_child_gets_no_secret_of_ours(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-canary")
    monkeypatch.setenv("PARLOR_ANYTHING", "canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@proxy")
    server = await shop.ready(command(tmp_path, env={"CITY": "Oslo"}))
    seen = await look(shop, server)
    assert "canary" not in str(seen["env"])
    allowed = {"HOME", "LANG", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "CITY"}
    assert set(seen["env"]) <= allowed
    assert seen["env"]["CITY"] == "Oslo"
    assert seen["env"]["HOME"] == seen["cwd"] == str(tmp_path / "homes" / "shop")


async def test_a_child_that_dies_in_a_call_is_a_tool_error_and_is_started_again(shop, tmp_path):
    server = await shop.ready(command(tmp_path))
    first = (await look(shop, server))["pid"]
    with pytest.raises(CallFailedError, match="Shop is unreachable"):
        await shop.call(server, "look", die=True)
    assert (await look(shop, server))["pid"] != first


async def test_t22a_the_call_after_an_idle_child_was_killed_succeeds(shop, tmp_path):
    server = await shop.ready(command(tmp_path))
    first = (await look(shop, server))["pid"]
    process = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    assert select.select([process], [], [], 5)[0]  # it has ended, and nobody here has looked yet
    os.close(process)
    assert (await look(shop, server))["pid"] != first


async def test_t22a_a_child_that_ends_is_started_again_before_anybody_calls(shop, tmp_path):
    server = await shop.ready(command(tmp_path))
    first = (await look(shop, server))["pid"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: server.session is None)
    await until(lambda: server.session)
    assert (await look(shop, server))["pid"] != first


async def test_plain_words_between_the_messages_of_a_child_disturb_nothing(shop, tmp_path):
    chatty = SERVER.replace("    method =", '    print("thinking ...", flush=True)\n    method =')
    server = await shop.ready(command(tmp_path, chatty))
    assert (await look(shop, server))["pid"]


async def test_t22f_a_child_that_hangs_for_ever_ends_the_call_at_its_deadline(shop, tmp_path):
    shop.seconds = 0.3
    hanging = SERVER.replace("os._exit(3)", "sys.stdin.read()")
    server = await shop.ready(command(tmp_path, hanging))
    with pytest.raises(CallFailedError, match=r"no answer within 0\.3 seconds"):
        await shop.call(server, "look", die=True)


async def test_a_child_ends_with_its_connection(shop, tmp_path):
    server = await shop.ready(command(tmp_path))
    pid = (await look(shop, server))["pid"]
    await server.aclose()
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_a_command_that_is_not_there_is_named(shop):
    server = shop.connect(Command(("no-such-program-anywhere",)))
    await until(lambda: server.state.name == "failed")
    assert server.state.reason == ("it ended: no-such-program-anywhere: No such file or directory")


async def test_what_a_child_says_goes_to_the_log_without_secrets(shop, tmp_path):
    with structlog.testing.capture_logs() as logs:
        await shop.ready(command(tmp_path))
        await until(lambda: any(log["event"] == "tool_server_said" for log in logs))
    said = [log["line"] for log in logs if log["event"] == "tool_server_said"]
    assert said == ["token=… started"]


def test_secrets_of_a_definition_are_not_logged_wherever_they_stand():
    line = redacted("connect https://x/?u=letmein1 Authorization: Bearer abc.def", ["letmein1"])
    assert line == "connect https://x/?u=… Authorization: Bearer …"


PARENT = """
import asyncio, sys
from pathlib import Path
import backend.toolbox.session
from backend.kit.clock import SystemClock
from backend.toolbox.connection import Connection
from backend.toolbox.dialling import Doors
from backend.toolbox.records import Command, ServerDefinition

async def main():
    doors = Doors(None, Path(sys.argv[1]))
    async def opened():
        return doors
    child = Command((sys.executable, sys.argv[2]))
    server = Connection(ServerDefinition("shop", "file", child), opened, SystemClock(), lambda _: 0)
    server.start()
    while server.session is None:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path):
    # It does not read its input any more, so that only the kernel can tell it.
    deaf = SERVER.replace("import json, os, sys", "import json, os, sys, time").replace(
        'elif method == "tools/list":',
        'elif method == "tools/list":\n        open("pid", "w").write(str(os.getpid()))',
    )
    deaf = deaf.rstrip() + "\ntime.sleep(60)\n"
    child = command(tmp_path, deaf)
    program = textwrap.dedent(PARENT)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "homes"), child.argv[1]],
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        while parent.stdout.readline() != b"ready\n":
            pass
        pid = int((tmp_path / "homes" / "shop" / "pid").read_text())
        os.kill(parent.pid, signal.SIGKILL)
    for _ in range(500):
        if not _runs(pid):
            return
        signal.sigtimedwait([], 0.01)
    pytest.fail("the child is still there")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
