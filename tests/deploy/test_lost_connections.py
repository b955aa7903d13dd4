"""A connection breaks: the playbook says so soon, and whoever asks again gets what the first one did."""

import subprocess
import time
from pathlib import Path

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release, variant
from tests.deploy.test_broken_releases import SELFTEST
from tests.deploy.test_power_cuts import SWITCH, forget, heard

UNREACHABLE = 4
SOON = 75
"""Seconds: a minute, and what a busy machine takes."""


def test_a_host_that_goes_away_in_the_middle_ends_the_run_in_words_within_a_minute(
    household: Household, playbooks: Playbooks, second: Release, lab: Lab
) -> None:
    """And the next run, when it is back, goes on from there."""
    app = lab.hosts["app"]
    forget(lab, second)
    with playbooks.begin("deploy.yml", release=second) as process:
        heard(process, SWITCH)
        wait_for_the_lock(lab)  # the host is at work, and nothing is said for a while
        # Nobody says goodbye: a process that is killed would still end its connections.
        app.execute("ip", "link", "set", "eth0", "down")
        began = time.monotonic()
        said, _ = process.communicate(timeout=300)
    spent = time.monotonic() - began
    app.cut_power()
    app.start()
    app.wait()
    print(f"\nover {spent:.0f} s after it went silent: {said[:600]}")
    assert process.returncode == UNREACHABLE, said
    assert "parlor-app" in said
    assert "UNREACHABLE" in said.upper()
    assert spent < SOON
    again = playbooks.run("deploy.yml", release=second)
    assert again.good, again.output
    assert household.version() == second.version
    assert playbooks.run("rollback.yml").good


def test_a_connection_that_was_kept_to_a_host_that_restarted_is_made_anew(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    assert playbooks.run("status.yml").good
    app = lab.hosts["app"]
    app.execute("ip", "link", "set", "eth0", "down")  # as above
    app.cut_power()
    app.start()
    app.wait()
    page = playbooks.run("status.yml")
    assert page.good, page.output
    assert page.seconds < SOON


def test_a_second_switch_waits_for_the_first_and_has_the_same_to_say(
    household: Household, playbooks: Playbooks, second: Release, lab: Lab, tmp_path: Path
) -> None:
    """As when a connection was lost: the first one is still at work on the host."""
    forget(lab, second)
    with playbooks.begin("deploy.yml", release=second) as process:
        heard(process, SWITCH)
        wait_for_the_lock(lab)
        late = ask(lab, second)
        said, _ = late.communicate(timeout=120)
        process.communicate(timeout=120)
    assert (process.returncode, late.returncode) == (0, 0), said
    assert said.strip() == f"{second.name} serves."
    bad = variant(
        playbooks.release, tmp_path, "9.3.0", {SELFTEST: b'raise SystemExit("no good")\n'}
    )
    with playbooks.begin("deploy.yml", release=bad) as process:
        heard(process, SWITCH)
        wait_for_the_lock(lab)
        late = ask(lab, bad)
        said, _ = late.communicate(timeout=120)
        first, _ = process.communicate(timeout=120)
    assert (process.returncode, late.returncode) == (2, 1), first
    assert "no good" in first
    assert "no good" in said
    assert f"{second.name} serves." in said
    assert playbooks.run("rollback.yml").good


def wait_for_the_lock(lab: Lab) -> None:
    script = "cd /opt/parlor; until ! flock -n .switching true; do sleep 0.02; done"
    lab.hosts["app"].execute("bash", "-c", script)


def ask(lab: Lab, release: Release) -> "subprocess.Popen[str]":
    words = lab.hosts["app"].command("/usr/local/lib/parlor/switch", release.name)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
