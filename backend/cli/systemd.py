"""What systemd gives a service and hears from it (sd_notify(3), sd_listen_fds(3))."""

import os
import socket
from collections.abc import Mapping

_FIRST_SOCKET = 3


def notify(*lines: str) -> None:
    """`READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=...`. Without systemd nothing happens."""
    address = _environment().get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract namespace
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(lines).encode(), address)


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear from this process at least."""
    micros = _environment().get("WATCHDOG_USEC", "")
    for_us = _environment().get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(micros) / 1e6 if micros.isdigit() and for_us else None


def given_sockets() -> list[socket.socket]:
    """The listening sockets that a `.socket` unit opened for this process."""
    environment = _environment()
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(environment.get("LISTEN_FDS", "0"))
    found = [socket.socket(fileno=_FIRST_SOCKET + number) for number in range(count)]
    for given in found:
        given.setblocking(False)
        given.set_inheritable(False)
    return found


def _environment() -> Mapping[str, str]:
    return os.environ  # noqa: TID251  # the service manager's own words, no settings
