"""A release that is no good changes nothing: the old one serves on, and the reason is told."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release, source, variant
from tests.deploy.switching import switching

SERVE, SELFTEST = "backend/cli/serve.py", "backend/cli/selftest.py"
SHIPPED = "backend/mcp_servers/shipped.py"
CRASHED = "/var/lib/parlor/.crashed"
# Only where systemd gives the socket: not in the self-test in an empty folder.
GIVEN = b'if __import__("os").environ.get("LISTEN_FDS"):\n    '
ONCE = b"""
def _crash_once():
    import os, sys, time
    standby = sys.argv[sys.argv.index("--standby") + 1]
    while not os.path.exists(standby):
        time.sleep(0.05)
    time.sleep(1.5)  # by then it has said that it is ready
    open("/var/lib/parlor/.crashed", "w").close()
    os._exit(7)

if __import__("os").environ.get("LISTEN_FDS") and not __import__("os").path.exists("/var/lib/parlor/.crashed"):
    __import__("threading").Thread(target=_crash_once, daemon=True).start()
"""
# It is examined when it is up again, so that only its restart gives it away.
PATIENT = b"""
def _wait():
    import os, socket, time
    place = sys.argv[sys.argv.index("--socket") + 1]
    until = time.monotonic() + 60
    while not os.path.exists("/var/lib/parlor/.crashed") and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)  # now it is gone
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(place) == 0:
                return
        time.sleep(0.1)

if "--socket" in sys.argv:
    _wait()
"""
ONCE_SERVING = b"""
def _crash_serving():
    import os, sys, time
    own = os.path.dirname(os.path.realpath(sys.argv[0]))
    while os.path.realpath("/opt/parlor/current") != own:
        time.sleep(0.05)
    time.sleep(6)
    os._exit(7)

if __import__("os").environ.get("LISTEN_FDS"):
    __import__("threading").Thread(target=_crash_serving, daemon=True).start()
"""


@dataclass(frozen=True)
class Fault:
    changes: Mapping[str, bytes]
    words: str
    """That the playbook's reason must hold."""


FAULTS = {
    "does not start": Fault(
        {SERVE: b'raise RuntimeError("this release is broken")\n'}, "is broken"
    ),
    "starts and crashes": Fault({SERVE: ONCE}, "it starts and crashes"),
    "migration fails": Fault(
        {"backend/db/migrations/9002_bad.sql": b"INSERT INTO users SELECT * FROM users LIMIT 1;\n"},
        "Migration 9002 (bad) failed",
    ),
    "self-test fails": Fault(
        {"backend/frontends/chat/index.html": b"<!doctype html>"}, "no script"
    ),
    "hangs": Fault({SERVE: GIVEN + b'__import__("time").sleep(3600)\n'}, "does not start"),
}


def broken(base: Release, folder: Path, kind: str) -> Release:
    changes = dict(FAULTS[kind].changes)
    if SERVE in changes:
        changes[SERVE] = source(base, SERVE) + b"\n" + changes[SERVE]
    if kind == "starts and crashes":  # between READY and the examination
        changes[SELFTEST] = source(base, SELFTEST) + b"\n" + PATIENT
    return variant(base, folder, f"9.1.{list(FAULTS).index(kind)}", changes)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_release_that_is_broken_leaves_the_old_one_serving(
    household: Household, playbooks: Playbooks, lab: Lab, tmp_path: Path, kind: str
) -> None:
    bad = broken(playbooks.release, tmp_path, kind)
    app = lab.hosts["app"]
    pid = main_pid(lab, playbooks.release)
    done = playbooks.run("deploy.yml", release=bad)
    app.execute("rm", "-f", CRASHED)
    assert not done.good, done.output
    print(f"{kind}: {done.reason[:300]}")
    assert FAULTS[kind].words in done.reason
    assert f"{playbooks.release.name} serves" in done.reason
    assert main_pid(lab, playbooks.release) == pid, "the old one was restarted"
    assert household.version() == playbooks.release.version
    assert household.ask("Hello").text == "Hello from the lab."
    assert bad.name not in app.execute("ls", "/opt/parlor/releases")
    assert bad.name not in app.execute("cat", "/opt/parlor/history")
    running = app.execute("systemctl", "list-units", "parlor@*", "--plain", "--no-legend")
    assert bad.name not in running
    assert playbooks.run("deploy.yml").changed == 0


def test_a_release_whose_tool_servers_do_not_start_leaves_the_old_ones_serving(
    household: Household, playbooks: Playbooks, lab: Lab, tmp_path: Path
) -> None:
    bad = variant(
        playbooks.release, tmp_path, "9.1.9", {SHIPPED: b'raise RuntimeError("no tools")\n'}
    )
    done = playbooks.run("deploy.yml", release=bad)
    assert not done.good, done.output
    assert "it cannot tell which servers it has" in done.reason
    assert f"{playbooks.release.name} serves the tools" in done.reason
    assert "42" in "".join(household.ask('use calculate {"expression": "6*7"}').tools)
    assert playbooks.run("rollback.yml").good
    assert playbooks.run("deploy.yml").good
    assert household.version() == playbooks.release.version


def test_a_crash_turns_nothing_back_while_a_change_of_releases_is_under_way(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    """Else two releases would serve: the one that was turned back to, and the one that comes."""
    app, name = lab.hosts["app"], playbooks.release.name
    app.execute(
        "bash", "-c", "cd /opt/parlor; mkdir releases/a; sed -i 1ia history; touch -h current"
    )
    with switching(app):
        said = app.execute("bash", "-c", CRASHING, "crashing", name)
        app.execute("systemctl", "stop", f"parlor-fall-back@{name}")
    assert said.split() == ["activating", f"releases/{name}"]
    app.execute("bash", "-c", "cd /opt/parlor; rmdir releases/a; sed -i 1d history")
    app.execute("systemctl", "restart", f"parlor@{name}")
    assert household.version() == playbooks.release.version


CRASHING = r"""
for number in 1 2 3; do
    kill -KILL "$(systemctl show -P MainPID "parlor@$1")"
    until [ "$(systemctl show -P NRestarts "parlor@$1")" = $number ]; do sleep 0.05; done
    until [ "$(systemctl show -P StatusText "parlor@$1")" = Serving ]; do sleep 0.05; done
done
systemctl show -P ActiveState "parlor-fall-back@$1"
readlink /opt/parlor/current
"""


def test_a_release_that_keeps_crashing_later_goes_back_by_itself(
    household: Household, playbooks: Playbooks, lab: Lab, tmp_path: Path
) -> None:
    changes = {SERVE: source(playbooks.release, SERVE) + b"\n" + ONCE_SERVING}
    young = variant(playbooks.release, tmp_path, "9.2.0", changes)
    done = playbooks.run("deploy.yml", release=young)
    assert done.good, done.output
    began = time.monotonic()
    link = f"releases/{young.name}"
    while link in lab.hosts["app"].execute("readlink", "/opt/parlor/current"):
        assert time.monotonic() - began < 180, "it was left crashing"
        time.sleep(1)
    spent = time.monotonic() - began
    words = lab.hosts["app"].execute(
        "journalctl", "--output=cat", "--unit=parlor-fall-back@*", "--lines=8"
    )
    print(f"\nback after {spent:.0f} s: {words}")
    assert f"{playbooks.release.name} serves again" in words
    lab.hosts["app"].execute("systemctl", "start", f"parlor@{playbooks.release.name}")
    assert household.version() == playbooks.release.version
    assert young.name not in lab.hosts["app"].execute("cat", "/opt/parlor/history")
    # The tool servers did not crash: they stay, and whoever looks is told what to type.
    page = playbooks.run("status.yml").output
    assert f"WRONG     {young.name} crashed" in page, page
    assert (
        f"WRONG     the tool servers run {young.name}, but {playbooks.release.name} serves" in page
    )
    typed = re.search(r"PLAYBOOK=(\S+) ARGS='(.*?)'", page)
    assert typed, page
    repaired = playbooks.run(typed[1], *typed[2].split())
    assert repaired.good, repaired.output
    assert repaired.changes == {"parlor-tools: the change of releases"}
    page = playbooks.run("status.yml").output
    assert young.name not in page, page


def main_pid(lab: Lab, release: Release) -> str:
    unit = f"parlor@{release.name}.service"
    return lab.hosts["app"].execute("systemctl", "show", "--property=MainPID", "--value", unit)
