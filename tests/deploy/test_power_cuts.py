"""The power fails in the middle of a deployment: the next run repairs, whatever was half done."""

import time

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release

MOMENTS = (2, 4, 6, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 14)
"""Seconds. The release is on its way for the first six, then the change is under way."""


def test_the_power_fails_at_ten_moments_and_each_next_run_repairs(
    household: Household, playbooks: Playbooks, second: Release, lab: Lab
) -> None:
    """Ten deployments there and back, each cut a little later than the one before."""
    wanted = playbooks.release
    told = []
    for moment in MOMENTS:
        wanted = second if wanted is playbooks.release else playbooks.release
        forget(lab, wanted)
        with playbooks.begin("deploy.yml", release=wanted) as process:
            time.sleep(moment)
            lab.hosts["app"].cut_power()
            process.kill()
            process.communicate()
        lab.hosts["app"].start()
        lab.hosts["app"].wait()
        came_up = household.version()
        leaders = lab.hosts["app"].execute("bash", "-c", LEADERS).split()
        assert len(leaders) == 1, leaders
        done = playbooks.run("deploy.yml", release=wanted)
        assert done.good, done.output
        assert household.version() == wanted.version
        assert household.ask("Hello").text == "Hello from the lab."
        told.append(f"{moment:.1f} s: {came_up}, then {wanted.version}")
    print("\ncut after\n  " + "\n  ".join(told))
    if wanted is not playbooks.release:
        assert playbooks.run("rollback.yml").good


def forget(lab: Lab, release: Release) -> None:
    """As if it had never been here, so that every step is done again."""
    command = f"rm -rf /opt/parlor/releases/{release.name}; sed -i /^{release.name}$/d /opt/parlor/history"
    for host in lab.hosts.values():
        if release.name not in host.execute("readlink", "/opt/parlor/current"):
            host.execute("bash", "-c", f"touch /opt/parlor/history; {command}")


LEADERS = "fuser /var/lib/parlor/leader.lock 2>/dev/null || lslocks -n -o PID,PATH | awk '/leader.lock/ {print $1}'"
