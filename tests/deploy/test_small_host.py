"""One core and 512 MB for the app host: all of it works, an upgrade under load included."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.conftest import another, running_provider
from tests.deploy.household import Household
from tests.deploy.lab.hosts import Host, Limits
from tests.deploy.lab.lab import Lab
from tests.deploy.load import Load
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release

MEGABYTES = 512


@pytest.fixture
def small(lab: Lab, first: Release, tmp_path: Path) -> Iterator[Playbooks]:
    with another(lab, "small", Limits(MEGABYTES, 1)) as small, running_provider() as provider:
        yield Playbooks(small, provider, first, tmp_path)


def test_a_small_host_is_enough(small: Playbooks, second: Release) -> None:
    done = small.run("site.yml")
    assert done.good, done.output
    household = Household.set_up(small.lab, done.output)
    calculated = household.ask('use calculate {"expression": "6*7"}')
    assert any("42" in result for result in calculated.tools), calculated
    app = small.lab.hosts["app"]
    with peak(app) as needed, Load(household) as seen:
        upgraded = small.run("deploy.yml", release=second)
    assert upgraded.good, upgraded.output
    assert not seen.failures, seen
    assert seen.lost == []
    print(f"\npeak of the app host: {max(needed)} MB, in a group of {MEGABYTES} MB and one core")
    print(app.execute("bash", "-c", LARGEST))
    assert (
        app.execute("bash", "-c", "journalctl --quiet --grep='oom-kill|Out of memory: ' || true")
        == ""
    )


@contextmanager
def peak(host: Host) -> Iterator[list[int]]:
    """Megabytes that its processes had, ten times a second. Files that the kernel keeps in memory
    are not among them: they fill whatever is there."""
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(host.megabytes())

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    over.set()
    thread.join()


LARGEST = """
for status in /proc/[0-9]*/status; do
    awk '/^Name/ {name = $2} /^VmHWM/ {print int($2 / 1024) " MB at most: " name}' $status
done | sort -rn | head -n 4
"""
