"""The lock that keeps two changes of releases apart."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.deploy.lab.hosts import Host
from tests.deploy.lab.lab import Lab

_LOCKED = "cd /opt/parlor; until ! flock -n .switching true; do sleep 0.02; done"


@contextmanager
def switching(host: Host) -> Iterator[None]:
    """As if a change of releases were under way there."""
    words = ("flock", "/opt/parlor/.switching", "sleep", "infinity")
    host.execute("systemd-run", "--quiet", "--collect", "--unit=switching", *words)
    try:
        host.execute("bash", "-c", _LOCKED)
        yield
    finally:
        host.execute("systemctl", "stop", "switching.service")


def wait_for_the_lock(lab: Lab) -> None:
    lab.hosts["app"].execute("bash", "-c", _LOCKED)
