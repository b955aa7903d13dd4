"""What an owner may choose beside the three values: servers of others, an own certificate, signatures."""

import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import ROOT, Playbooks
from tests.deploy.releases import Release

OTHERS = """\
#!/usr/bin/python3
# A tool server of somebody else: says what it could see and reach.
import http.server, json, os, pathlib

token = pathlib.Path(os.environ["TOKEN_FILE"]).read_text()


def look():
    seen = [f"user {os.getuid()}"]
    for path in ("/etc/parlor/credentials", "/var/lib/parlor", "/etc/shadow", "/root"):
        try:
            os.listdir(path) if os.path.isdir(path) else open(path).close()
        except OSError:
            continue
        seen.append(f"could read {path}")
    for path in ("/opt/parlor/tools/x", "/usr/x", "/etc/x"):
        try:
            open(path, "w").close()
        except OSError:
            continue
        seen.append(f"could write {path}")
    pathlib.Path(os.environ["STATE_DIRECTORY"], "own").write_text("kept")
    return ", ".join(seen)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(405)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {token}":
            return self.answer(401)
        if "id" not in asked:
            return self.answer(202)
        version = asked.get("params", {}).get("protocolVersion", "2025-06-18")
        tool = {"name": "look_around", "description": "Says what it sees.",
                "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True, "openWorldHint": False}}
        results = {
            "initialize": {"protocolVersion": version, "capabilities": {"tools": {}},
                           "serverInfo": {"name": "others", "version": "1"}},
            "tools/list": {"tools": [tool]},
            "tools/call": {"content": [{"type": "text", "text": look()}]},
        }
        result = results.get(asked["method"])
        if result is None:
            return self.answer(200, {"jsonrpc": "2.0", "id": asked["id"],
                                     "error": {"code": -32601, "message": "no such method"}})
        self.answer(200, {"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def log_message(self, *_):
        pass


address = (os.environ["HOST"], int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "signing"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]
    subprocess.run(command, check=True)
    signers = path.read_text() and f"parlor {Path(f'{path}.pub').read_text()}"
    (tmp_path / "signers").write_text(signers)
    return path


@pytest.fixture
def signed(first: Release, key: Path, tmp_path: Path) -> Release:
    """The same file with a signature beside it."""
    folder = tmp_path / "signed"
    folder.mkdir()
    for name in ("parlor.pyz", "parlor.pyz.sha256", "parlor.sbom.json"):
        shutil.copy(first.file.parent / name, folder)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "parlor", folder / "parlor.pyz"]
    subprocess.run(sign, check=True, capture_output=True)
    return replace(first, file=folder / "parlor.pyz")


def test_a_file_that_a_stranger_signed_is_refused(
    household: Household, playbooks: Playbooks, signed: Release, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger]
    subprocess.run(command, check=True)
    (tmp_path / "others").write_text(f"parlor {Path(f'{stranger}.pub').read_text()}")
    inventory = playbooks.inventory(parlor_signers=str(tmp_path / "others"))
    done = playbooks.run("deploy.yml", release=signed, inventory=inventory)
    assert not done.good
    assert done.changed == 0
    assert "not signed by a key of" in done.reason


def test_what_was_chosen_holds_and_is_gone_when_it_is_chosen_no_more(
    household: Household, playbooks: Playbooks, lab: Lab, signed: Release, tmp_path: Path
) -> None:
    program = tmp_path / "others.py"
    program.write_text(OTHERS)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    by_hand = tmp_path / "certs"
    make = [ROOT / "certs-example" / "make-by-hand.sh", by_hand, household.lab.hosts["app"].address]
    subprocess.run(make, check=True, capture_output=True)
    inventory = playbooks.inventory(
        parlor_signers=str(tmp_path / "signers"),
        parlor_certificate=str(by_hand / "server.crt"),
        parlor_certificate_key=str(by_hand / "server.key"),
        parlor_tools=["calculator", "housekeeping"],
        parlor_secrets={"PARLOR_MCP_BRAVE_KEY": "a-key-of-brave"},
        parlor_hosted_tools=[
            {"name": "others", "port": 9020, "file": str(program), "sha256": digest}
        ],
    )
    done = playbooks.run("site.yml", release=signed, inventory=inventory)
    assert done.good, done.output[-5000:]
    trusted, household.context = household.context, household.trusting_file(by_hand)
    looked = household.ask("use look_around {}")
    assert len(looked.tools) == 1, looked
    assert "could" not in looked.tools[0], looked
    assert "user 0" not in looked.tools[0], looked
    assert "user" in looked.tools[0], looked
    app, tools = lab.hosts["app"], lab.hosts["tools"]
    own, ours = (
        app.execute("cat", f"/etc/parlor/{name}") for name in ("tools.others.token", "tools.token")
    )
    assert own != ours
    tools.execute("test", "-s", "/var/lib/private/parlor-tools/others/own")
    assert "There is no" in household.ask('use get_weather {"place": "x"}').text
    again = playbooks.run("site.yml", release=signed, inventory=inventory)
    assert again.changed == 0, again.output[-5000:]

    household.context = trusted
    back = playbooks.run("site.yml")
    assert back.good, back.output[-5000:]
    assert household.ask("Hello").text == "Hello from the lab."
    assert "There is no" in household.ask("use look_around {}").text
    left = tools.execute("bash", "-c", "ls /opt/parlor/tools; systemctl list-units 'parlor-mcp@*'")
    assert "others" not in left
    for host in (app, tools):
        left = host.execute("bash", "-c", "ls /etc/parlor /etc/parlor/credentials")
        assert "others" not in left
        assert "PARLOR_MCP_BRAVE_KEY" not in left


@pytest.mark.parametrize(
    ("name", "value"),
    [("PARLOR_DRAIN_SECONDS", "soon"), ("PARLOR_MCP_SEARXNG_URL", "search of mine")],
)
def test_a_setting_that_parlor_does_not_take_is_refused_and_it_serves_on(
    household: Household, playbooks: Playbooks, name: str, value: str
) -> None:
    settings = playbooks.inventory()["all"]["vars"]["parlor_settings"]
    given = playbooks.inventory(parlor_settings={**settings, name: value})
    done = playbooks.run("site.yml", inventory=given)
    assert not done.good
    assert f"These settings are wrong:\\n{name}: " in done.output
    assert "42" in "".join(household.ask('use calculate {"expression": "6*7"}').tools)
    assert playbooks.run("site.yml").changed == 0


def test_a_tool_server_that_there_is_not_is_named_before_the_tool_servers_are_touched(
    household: Household, playbooks: Playbooks
) -> None:
    done = playbooks.run("site.yml", inventory=playbooks.inventory(parlor_tools=["wether", "web"]))
    assert not done.good
    assert done.changed == 0
    assert "there is no wether; there are housekeeping, notes, calculator" in done.reason
