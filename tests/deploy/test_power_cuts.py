"""A deployment ends in its middle, on the host or on the laptop: the next run makes it whole."""

import subprocess
import time
from dataclasses import dataclass

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.leaders import leaders_now, watched_leaders
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release

SENT, SWITCH = "The file lies in it", "The release serves, or the one before it goes on"
CUTS = [*((SENT, part) for part in (0.0, 0.4, 0.8)), *((SWITCH, n / 6.5) for n in range(7))]
"""Three while the release comes and is unpacked, seven within the change; as parts of how long
that takes on this machine."""

GOODBYES = [0.1, 0.2]
"""Most of the sending is the unpacking at its beginning; of the change: test_lost_connections."""


@dataclass(frozen=True)
class Pace:
    """Seconds."""

    sending: float
    switching: float

    def of(self, task: str) -> float:
        return self.sending if task == SENT else self.switching


def heard(process: subprocess.Popen[str], words: str) -> float:
    """When the playbook said so."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return time.monotonic()
    raise AssertionError(f"it never came to: {words}")


@pytest.fixture(scope="module")
def pace(household: Household, playbooks: Playbooks, second: Release, lab: Lab) -> Pace:
    """Of a deployment that nothing happens to."""
    forget(lab, second)
    with playbooks.begin("deploy.yml", release=second) as process:
        sent = heard(process, SENT)
        switch = heard(process, SWITCH)
        over = heard(process, "It went well")
        process.communicate()
    print(f"\nsending takes {switch - sent:.1f} s, the change {over - switch:.1f} s")
    assert playbooks.run("rollback.yml").good
    return Pace(switch - sent, over - switch)


@pytest.mark.parametrize(("task", "part"), CUTS)
def test_the_power_fails_and_the_next_run_repairs(
    household: Household,
    playbooks: Playbooks,
    second: Release,
    lab: Lab,
    pace: Pace,
    task: str,
    part: float,
) -> None:
    """Each cut starts from whatever the one before left."""
    app = lab.hosts["app"]
    wanted = playbooks.release if household.version() == second.version else second
    forget(lab, wanted)
    with playbooks.begin("deploy.yml", release=wanted) as process:
        heard(process, task)
        time.sleep(part * pace.of(task))
        app.cut_power()
        process.kill()
        process.communicate()
    app.start()
    app.wait()
    came_up = household.version()
    assert came_up in (playbooks.release.version, second.version)
    assert len(leaders_now(lab)) == 1
    assert len(serving(lab)) == 1
    with watched_leaders(lab) as leaders:
        done = playbooks.run("deploy.yml", release=wanted)
    assert done.good, done.output
    assert leaders.most == 1, leaders
    assert len(leaders_now(lab)) == 1
    assert household.version() == wanted.version
    assert household.ask("Hello").text == "Hello from the lab."
    print(f"{part:.0%} of {task!r}: {came_up} came up, then {wanted.version}; {leaders}")


@pytest.mark.parametrize("part", GOODBYES)
def test_a_laptop_goes_away_and_the_next_run_waits_for_what_the_hosts_still_do(
    household: Household,
    playbooks: Playbooks,
    second: Release,
    lab: Lab,
    pace: Pace,
    part: float,
) -> None:
    wanted = playbooks.release if household.version() == second.version else second
    forget(lab, wanted)
    with playbooks.begin("deploy.yml", release=wanted) as process:
        heard(process, SENT)
        time.sleep(part * pace.sending)
        process.kill()
        process.communicate()
    done = playbooks.run("deploy.yml", release=wanted)
    assert done.good, done.output
    assert household.version() == wanted.version
    assert len(leaders_now(lab)) == 1


def serving(lab: Lab) -> list[str]:
    """Releases that accept visitors."""
    script = "systemctl show -P StatusText 'parlor@*.service' | grep -x Serving"
    return lab.hosts["app"].execute("bash", "-c", script).split()


def forget(lab: Lab, release: Release) -> None:
    """As if it had never been here, so that every step is done again."""
    for host in lab.hosts.values():
        host.execute("bash", "-c", FORGET, "forget", release.name)


FORGET = r"""
cd /opt/parlor
[ "$(readlink current)" != "releases/$1" ] || exit 0
systemctl stop "parlor@$1.service" 2>/dev/null
rm -rf "releases/$1"
touch history
grep -vxF "$1" history > history.new
mv history.new history
"""
