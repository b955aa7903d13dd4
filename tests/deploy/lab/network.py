"""A network of the lab's own: one namespace, one bridge, and no way out."""

import os
from pathlib import Path

from tests.deploy.lab.programs import LabError, run, succeeds

PREFIX = "198.51.100"
"""TEST-NET-2: addresses that nobody has."""
GATEWAY = f"{PREFIX}.1"


class Network:
    def __init__(self, name: str) -> None:
        self.name = name
        self.file = Path("/run/netns") / name

    def up(self) -> None:
        run("ip", "netns", "add", self.name)
        for words in (
            "link set lo up",
            "link add bridge0 type bridge",
            f"addr add {GATEWAY}/24 dev bridge0",
            "link set bridge0 up",
        ):
            run("ip", "-n", self.name, *words.split())

    def down(self) -> None:
        """Ends what still runs in it: all of it is the lab's."""
        if not self.file.exists():
            return
        for number in run("ip", "netns", "pids", self.name).split():
            if int(number) != os.getpid():
                succeeds("kill", number)
        run("ip", "netns", "del", self.name)

    def within(self, *words: object) -> list[object]:
        """The command, run with this network and the machine's files."""
        # Not `ip netns exec`: it mounts /sys anew, without the control groups.
        return ["nsenter", f"--net={self.file}", *words]

    def enter(self) -> None:
        """This thread, and every process it starts, have this network from now on."""
        if not self.file.exists():
            raise LabError("the lab is not up")
        with self.file.open() as namespace:
            os.setns(namespace.fileno(), os.CLONE_NEWNET)
