"""`parlor chat` at a terminal, with a server that really runs."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import httpx2

from tests.cli.conftest import PASSWORD, Run, Server, Terminal
from tests.cli.test_commands import words

DIALOGUE = [
    ("anna\n", "Password: "),
    (f"{PASSWORD}\n", "Model: demo:parlor"),
    ("/help\n", "Ctrl-C stops the answer"),
    ("/model\n", "  demo:parlor"),
    ("/model parl\n", "No such model. Meant: demo:parlor?"),
    ("/model demo:parlor\n", "Model: demo:parlor"),
    ("/nonsense\n", "/nonsense is not a command"),
    ("tool 0.1\n", "[demo_echo "),
    ("", "[ok: "),
    ("", "[completed"),
    ("fail\n", "on purpose. ("),
    ("", "[failed"),
    ("/new\n", "A new conversation."),
    ("", "> "),
    ("slow\n", "slow\r\n"),
    ("", " "),
    ("\x03", "[stopped"),
]


def test_a_whole_conversation(
    server: Server, terminal: Callable[..., Terminal], home: Path
) -> None:
    cookies = server.make_owner()
    chat = terminal("chat", "--server", server.address)
    chat.shows("Name: ")
    for typed, shown in DIALOGUE:
        chat.types(typed)
        chat.shows(shown)
    chat.shows("> ")
    chat.types("/quit\n")
    assert chat.leaves() == 0
    assert PASSWORD not in chat.seen
    assert "Traceback" not in chat.seen
    kept = home / ".config" / "parlor" / "sessions.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with httpx2.Client(base_url=server.address, cookies=cookies) as browser:
        newest, first = browser.get("/api/conversations").json()["conversations"]
        assert (newest["title"], first["title"]) == ("slow", "tool 0.1")
        stopped = browser.get(f"/api/conversations/{newest['id']}").json()["messages"][-1]
        assert stopped["status"] == "stopped"


def test_nobody_signs_in_twice_until_the_session_ends(
    server: Server, run: Run, terminal: Callable[..., Terminal], home: Path
) -> None:
    server.make_owner()
    run("chat", "--server", server.address, given=f"anna\n{PASSWORD}\n/quit\n")
    again = terminal("chat", "--server", server.address)
    again.shows("Model: ")
    again.shows("> ")
    again.types("\x04")
    assert again.leaves() == 0
    kept = json.loads((home / ".config" / "parlor" / "sessions.json").read_text())
    httpx2.post(f"{server.address}/api/auth/logout", cookies=kept[server.address])
    later = terminal("chat", "--server", server.address)
    later.shows("Name: ")
    assert later.is_interrupted() != 0
    assert "Traceback" not in later.seen


def test_a_session_file_that_was_cut_short_does_no_harm(
    server: Server, run: Run, home: Path
) -> None:
    server.make_owner()
    kept = home / ".config" / "parlor" / "sessions.json"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"http')
    told = run("chat", "--server", server.address, given=f"anna\n{PASSWORD}\n/quit\n")
    assert (told.returncode, told.stderr) == (0, "")


def test_a_server_that_is_down_is_told_in_a_sentence(run: Run) -> None:
    told = run("chat", "--server", "http://127.0.0.1:9")
    assert told.returncode == 1
    assert "cannot be reached" in words(told.stderr)


def test_a_server_without_an_owner_says_what_to_do_first(run: Run, server: Server) -> None:
    told = run("chat", "--server", server.address)
    assert told.returncode == 1
    assert "no owner yet" in words(told.stderr)
