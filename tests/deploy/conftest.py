"""Real playbooks against real systemd hosts, in a network of their own.

These tests need root, and minutes, so `make test-deploy` starts them, with the built file named in
PARLOR_FILE and the word lab in PARLOR_LAB; an ordinary test run does not see this folder.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.hosts import Limits
from tests.deploy.lab.lab import Lab
from tests.deploy.lab.network import GATEWAY
from tests.deploy.lab.proxmox import ready_sshd
from tests.deploy.playbooks import Done, Playbooks
from tests.deploy.releases import Release, given_release, variant

collect_ignore_glob = [] if "PARLOR_LAB" in os.environ else ["test_*"]

ORDER = (
    *("lab", "descriptions", "first_install", "change_of_releases", "broken_releases"),
    *("power_cuts", "lost_connections", "looking_after", "through_proxmox", "choices", "walls"),
    *("by_hand", "tunnel"),
    *("small_host", "earlier_release", "the_rest_of_its_life"),
)
"""Each leaves the hosts to the next; the first begins with bare ones, the last removes all."""

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """This hook sees the items of every folder: those of others keep their places."""
    if ours := [item for item in items if item.path.parent == Path(__file__).parent]:
        ours.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")))
        items[:] = [item for item in items if item not in ours] + ours


@pytest.fixture(scope="session", autouse=True)
def _ends_in_order() -> None:
    """A run that is told to end takes its lab down first."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("told to end", 143))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One for each worker that runs tests."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = "-".join(filter(None, (os.environ.get("PARLOR_LAB_NAME", "test"), worker)))
    lab = Lab(name, groups=os.environ.get("LAB_GROUPS", "v2"))
    lab.down()
    seconds = lab.up()
    print(f"\nlab: two bare hosts after {seconds:.1f} s")
    ready_sshd(lab.cache)
    # This process and all it starts: nothing beyond the lab can be reached from here.
    lab.network.enter()
    yield lab
    lab.down()


@contextmanager
def another(lab: Lab, word: str, limits: Limits | None = None) -> Iterator[Lab]:
    """A lab beside the first; its network is this process's meanwhile."""
    other = Lab(f"{lab.name}-{word}", app_limits=limits)
    other.down()
    try:
        other.up()
        other.network.enter()
        yield other
    finally:
        lab.network.enter()
        other.down()


@contextmanager
def running_provider() -> Iterator[str]:
    """Base URL of a model that does what the question says."""
    command = [sys.executable, "-m", "tests.deploy.provider", GATEWAY, "9999"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening")
        yield f"http://{GATEWAY}:9999/api/v1"
        process.terminate()


@pytest.fixture(scope="session")
def provider(lab: Lab) -> Iterator[str]:
    with running_provider() as url:
        yield url


@pytest.fixture(scope="session")
def first() -> Release:
    return given_release(Path(os.environ["PARLOR_FILE"]).resolve())


@pytest.fixture(scope="session")
def second(first: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A later version with a further migration, as the next release would be."""
    step = {"backend/db/migrations/9001_lab.sql": b"CREATE TABLE lab (n INTEGER) STRICT;\n"}
    return variant(first, tmp_path_factory.mktemp("second"), "9.0.1", step)


@pytest.fixture(scope="session")
def playbooks(
    lab: Lab, provider: str, first: Release, tmp_path_factory: pytest.TempPathFactory
) -> Playbooks:
    return Playbooks(lab, provider, first, tmp_path_factory.mktemp("playbooks"))


@pytest.fixture(scope="session")
def installation(playbooks: Playbooks) -> Done:
    """site.yml on two bare hosts. The first test that asks waits for it."""
    return playbooks.run("site.yml")


@pytest.fixture(scope="session")
def household(lab: Lab, installation: Done) -> Household:
    """An owner on that Parlor."""
    assert installation.good, installation.output
    return Household.set_up(lab, installation.output)
