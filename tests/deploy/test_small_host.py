"""One core and 512 MB for the app host: all of it works, an upgrade under load included."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import running_provider
from tests.deploy.household import Household
from tests.deploy.lab.hosts import Limits
from tests.deploy.lab.lab import Lab
from tests.deploy.load import Load
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release

MEGABYTES = 512


@pytest.fixture
def small(lab: Lab, first: Release, tmp_path: Path) -> Iterator[Playbooks]:
    """A lab beside the large one; its network is this process's meanwhile."""
    small = Lab(f"{lab.name}-small", groups="hybrid", app_limits=Limits(MEGABYTES, 1))
    small.down()
    small.up()
    small.network.enter()
    with running_provider() as provider:
        yield Playbooks(small, provider, first, tmp_path)
    lab.network.enter()
    small.down()


def test_a_small_host_is_enough(small: Playbooks, second: Release) -> None:
    done = small.run("site.yml")
    assert done.good, done.output
    household = Household.set_up(small.lab, done.output)
    calculated = household.ask('use calculate {"expression": "6*7"}')
    assert any("42" in result for result in calculated.tools), calculated
    with Load(household) as seen:
        upgraded = small.run("deploy.yml", release=second)
    assert upgraded.good, upgraded.output
    assert not seen.failures, seen
    assert seen.lost == []
    app = small.lab.hosts["app"]
    print(
        f"\npeak of the app host, the files it keeps in memory included: {app.peak_megabytes()} MB of {MEGABYTES}"
    )
    print(app.execute("bash", "-c", LARGEST))
    assert app.execute("bash", "-c", "journalctl --quiet --grep='oom|Out of memory' || true") == ""


LARGEST = """
for status in /proc/[0-9]*/status; do
    awk '/^Name/ {name = $2} /^VmHWM/ {print int($2 / 1024) " MB at most: " name}' $status
done | sort -rn | head -n 4
"""
