"""Backups, other hosts, the tunnel, a page of status, and the end."""

from pathlib import Path

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release

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
secret = words[words.index("--credentials-file") + 1]
assert pathlib.Path(secret).read_text().startswith("{"), secret
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


def test_status_tells_on_one_page_how_things_are(
    household: Household, playbooks: Playbooks
) -> None:
    done = playbooks.run("status.yml")
    assert done.good, done.output
    assert done.changed == 0
    assert f"release   {playbooks.release.name}" in done.output
    assert "parlor-mcp.service: active (running)" in done.output
    assert "the certificate" in done.output
    assert "WRONG" not in done.output


def test_a_tunnel_runs_behind_its_walls_and_a_second_run_leaves_it_alone(
    household: Household, playbooks: Playbooks, lab: Lab, tmp_path: Path
) -> None:
    program, credentials = tmp_path / "cloudflared", tmp_path / "tunnel.json"
    program.write_text(STAND_IN)
    credentials.write_text('{"TunnelSecret": "not-a-real-one-0123456789"}')
    given = {
        "parlor_public_url": "https://chat.lab.test",
        "parlor_tunnel": {
            "id": TUNNEL,
            "credentials": str(credentials),
            "binary": str(program),
            "team": "https://lab.cloudflareaccess.com",
            "audience": "0123456789abcdef",
        },
    }
    inventory = playbooks.inventory(**given)
    done = playbooks.run("site.yml", inventory=inventory)
    assert done.good, done.output
    tools, app = lab.hosts["tools"], lab.hosts["app"]
    tools.execute("systemctl", "is-active", "parlor-tunnel.service")
    rated = tools.execute("systemd-analyze", "security", "--no-pager", "parlor-tunnel.service")
    assert float(rated.splitlines()[-1].split(": ")[1].split()[0]) <= 1.5
    assert "not-a-real-one" not in done.output
    settings = app.execute("cat", "/etc/parlor/parlor.env")
    assert f'PARLOR_TRUSTED_PROXIES="{tools.address}"' in settings
    assert 'PARLOR_ACCESS_TEAM="https://lab.cloudflareaccess.com"' in settings
    pid = tools.execute("systemctl", "show", "-P", "MainPID", "parlor-tunnel.service")
    again = playbooks.run("site.yml", inventory=inventory)
    assert again.changed == 0, again.output
    assert tools.execute("systemctl", "show", "-P", "MainPID", "parlor-tunnel.service") == pid


def test_a_backup_brings_a_household_onto_two_fresh_hosts(
    household: Household, playbooks: Playbooks, lab: Lab, second: Release, tmp_path: Path
) -> None:
    """With its people, its conversations, and the authority that its devices trust. The backup has
    the second release's schema, so that or a newer one has to be there."""
    household.context = Household.trusting(lab)
    household.sign_in()
    written = household.ask("Hello").conversation
    made = playbooks.run("backup.yml", "-e", f"backup_to={tmp_path}")
    assert made.good, made.output
    authority = lab.hosts["app"].execute("sha256sum", "/etc/parlor/certs/authority.crt")
    (archive,) = (path for path in tmp_path.iterdir() if path.name != "parlor-authority.tar")
    lab.reset()
    restored = playbooks.run("restore.yml", "-e", f"restore_file={archive}", release=second)
    assert restored.good, restored.output
    household.sign_in()
    assert written in household.conversations()
    assert household.ask("Hello").text == "Hello from the lab."
    assert lab.hosts["app"].execute("sha256sum", "/etc/parlor/certs/authority.crt") == authority
    said = lab.hosts["app"].execute("stat", "-c", "%a %U", "/etc/parlor/certs/authority.key")
    assert said.split() == ["600", "root"]
    assert playbooks.run("site.yml", release=second).changed == 0


def test_remove_leaves_what_people_wrote_and_all_of_it_goes_when_asked(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    app = lab.hosts["app"]
    assert playbooks.run("remove.yml").good
    assert app.execute("bash", "-c", LEFT).split() == [
        "/etc/parlor",
        "/etc/parlor/certs",
        "/var/lib/parlor",
    ]
    app.execute("test", "-s", "/var/lib/parlor/parlor.db")
    assert playbooks.run("remove.yml", "-e", "remove_data=true").good
    for host in lab.hosts.values():
        assert host.execute("bash", "-c", LEFT) == ""
        assert "parlor" not in host.execute("cat", "/etc/passwd")
    assert playbooks.run("remove.yml").changed == 0


LEFT = "ls -d /etc/parlor /etc/parlor/* /opt/parlor /var/lib/parlor /etc/systemd/system/parlor* 2>/dev/null; true"
