"""The way in from outside: cloudflared behind walls, by credentials or by token, and gone again."""

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.hosts import Host
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks

UNIT = "parlor-tunnel.service"
TUNNEL = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
STAND_IN = """\
#!/usr/bin/python3
# Stands in for cloudflared, which is not to be had here: knows the words it is called with.
import os, pathlib, signal, socket, sys

words = sys.argv[1:]
if "validate" in words:
    text = pathlib.Path(words[words.index("--config") + 1]).read_text()
    print("Validating rules from", words)
    sys.exit(0 if "http_status:404" in text else 1)
assert "run" in words, words
if "--credentials-file" in words:
    secret = words[words.index("--credentials-file") + 1]
    assert pathlib.Path(secret).read_text().startswith("{"), secret
else:
    secret = words[words.index("--token-file") + 1]
    assert pathlib.Path(secret).read_text().startswith("eyJ"), secret
assert pathlib.Path("/etc/parlor/authority.crt").read_text().startswith("-----BEGIN")
for place in ("/usr/x", "/etc/x", "/var/x"):
    try:
        open(place, "w")
    except OSError:
        continue
    sys.exit(f"could write {place}")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
    channel.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.pause()
"""


@pytest.fixture
def tunnel(tmp_path: Path) -> dict[str, Any]:
    program, credentials = tmp_path / "cloudflared", tmp_path / "tunnel.json"
    program.write_text(STAND_IN)
    credentials.write_text('{"TunnelSecret": "not-a-real-one-0123456789"}')
    (tmp_path / "tunnel.token").write_text("eyJub3QtYS1yZWFsLW9uZSI6IDB9")
    return {
        "id": TUNNEL,
        "credentials": str(credentials),
        "binary": str(program),
        "team": "https://lab.cloudflareaccess.com",
        "audience": "0123456789abcdef",
    }


def pid(host: Host) -> str:
    host.execute("systemctl", "is-active", UNIT)
    return host.execute("systemctl", "show", "-P", "MainPID", UNIT)


def test_a_tunnel_runs_behind_its_walls_until_it_is_wanted_no_more(
    household: Household, playbooks: Playbooks, lab: Lab, tunnel: dict[str, Any], tmp_path: Path
) -> None:
    """A second run leaves it alone: a restart would cut the streams in it."""
    tools, app = lab.hosts["tools"], lab.hosts["app"]
    outside = {"parlor_public_url": "https://chat.lab.test"}
    inventory = playbooks.inventory(**outside, parlor_tunnel=tunnel)
    done = playbooks.run("site.yml", "--diff", inventory=inventory)
    assert done.good, done.output
    assert "not-a-real-one" not in done.output
    before = pid(tools)
    tools.execute("systemd-analyze", "verify", UNIT)
    rated = tools.execute("systemd-analyze", "security", "--no-pager", UNIT)
    assert float(rated.splitlines()[-1].split(": ")[1].split()[0]) <= 1.5
    settings = app.execute("cat", "/etc/parlor/parlor.env")
    assert f'PARLOR_TRUSTED_PROXIES="{tools.address}"' in settings
    assert 'PARLOR_ACCESS_TEAM="https://lab.cloudflareaccess.com"' in settings
    with household.client() as client:
        answer = client.get("/health", headers={"Host": "chat.lab.test"})
        assert answer.status_code == 200
    again = playbooks.run("site.yml", inventory=inventory)
    assert again.changed == 0, again.changes
    assert pid(tools) == before

    token = {"token": str(tmp_path / "tunnel.token"), "binary": tunnel["binary"]}
    by_token = playbooks.inventory(**outside, parlor_tunnel=token)
    done = playbooks.run("site.yml", "--diff", inventory=by_token)
    assert done.good, done.output
    assert "eyJub3Qt" not in done.output
    assert pid(tools) != before

    done = playbooks.run("site.yml")
    assert done.good, done.output
    assert UNIT not in tools.execute("systemctl", "list-units", "--all", "--plain", "parlor-*")
    assert "tunnel" not in tools.execute("ls", "/etc/parlor", "/etc/parlor/credentials")
    assert "PROXIES" not in app.execute("cat", "/etc/parlor/parlor.env")
