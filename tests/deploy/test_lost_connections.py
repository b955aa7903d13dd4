"""A connection breaks: the playbook says so soon, and whoever asks again gets what the first one did."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release, variant
from tests.deploy.switching import switching, wait_for_the_lock
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


@pytest.mark.parametrize(("host", "program"), [("app", "switch"), ("tools", "switch-tools")])
def test_a_switch_that_waits_for_too_long_says_so_and_leaves_all_as_it_is(
    household: Household, playbooks: Playbooks, lab: Lab, host: str, program: str
) -> None:
    """Too long is 90 s; here its `flock` does not wait as long as it is asked to."""
    there = lab.hosts[host]
    there.execute("bash", "-c", HURRIED)
    with switching(there):
        script = f"PATH=/tmp/hurried:$PATH /usr/local/lib/parlor/{program} x; echo $?"
        said = there.execute("bash", "-c", script).strip().splitlines()
    assert said[0].startswith("FAILED: another switch has been under way on this host for 90 s.")
    assert said[1:] == ["1"]
    assert "-w 90 9" in there.execute("cat", "/tmp/hurried/asked")
    there.execute("rm", "-r", "/tmp/hurried")
    assert household.version() == playbooks.release.version


HURRIED = r"""
mkdir /tmp/hurried
printf '#!/bin/sh\necho "$@" >>/tmp/hurried/asked\n[ "$1" != -w ] || set -- -w 0.1 "$3"\nexec /usr/bin/flock "$@"\n' >/tmp/hurried/flock
chmod +x /tmp/hurried/flock
"""


def test_what_a_run_that_broke_off_had_written_is_put_to_use_by_the_next(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    """The laptop goes away when the settings lie there and before anything has read them."""
    settings = playbooks.inventory()["all"]["vars"]["parlor_settings"]
    more = {"PARLOR_DRAIN_SECONDS": 9, "PARLOR_MCP_PDF_HOSTS": "files.example"}
    other = playbooks.inventory(parlor_settings=settings | more)
    for task in ("mcp : A token was made, once", "backend : The registry of tool servers"):
        with playbooks.begin("site.yml", inventory=other) as process:
            heard(process, task)
            process.kill()
            process.communicate()
    told = playbooks.run("site.yml", "--check", inventory=other)
    assert told.changes == {"parlor-app: It serves with these settings"}, told.output
    done = playbooks.run("site.yml", inventory=other)
    assert (done.good, done.changes) == (True, told.changes), done.output
    unit = f"parlor@{playbooks.release.name}.service"
    for host, name, line in (
        ("app", unit, "PARLOR_DRAIN_SECONDS=9"),
        ("tools", "parlor-mcp.service", "PARLOR_MCP_PDF_HOSTS=files.example"),
    ):
        script = f"tr '\\0' '\\n' </proc/$(systemctl show -P MainPID {name})/environ"
        assert line in lab.hosts[host].execute("bash", "-c", script).splitlines()
    again = playbooks.run("site.yml", inventory=other)
    assert (again.good, again.changes) == (True, set()), again.output
    assert playbooks.run("site.yml").good


def ask(lab: Lab, release: Release) -> "subprocess.Popen[str]":
    words = lab.hosts["app"].command("/usr/local/lib/parlor/switch", release.name)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
