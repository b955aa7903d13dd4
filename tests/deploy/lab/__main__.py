"""`python -m tests.deploy.lab VERB`: a lab by hand. See README.md."""

import os
import sys
from collections.abc import Callable

from tests.deploy.lab.lab import Lab
from tests.deploy.lab.programs import LabError

_USAGE = """\
up                  both hosts, fresh
down                end them and leave no trace
reset [HOST...]     fresh roots
restart [HOST...]   shut down and start again
cut HOST            as when the power fails; `restart` brings it back
exec HOST WORDS...  run something inside, as root
ssh HOST [WORDS...] the same over ssh, as the user `deploy`
run WORDS...        run one of the machine's programs in the lab's network
LAB=name            labs of different names run side by side
LAB_GROUPS=hybrid   memory and core limits bite (else: control groups as on Proxmox)"""


def main(words: list[str]) -> None:
    lab = Lab(os.environ.get("LAB", "lab"), groups=os.environ.get("LAB_GROUPS", "v2"))

    def up() -> None:
        seconds = lab.up()
        hosts = ", ".join(f"{host.name} {host.address}" for host in lab.hosts.values())
        print(f"up after {seconds:.1f} s: {hosts}; key {lab.key}", flush=True)

    def execute(name: str, *command: str) -> None:
        words = lab.hosts[name].command(*(command or ("bash",)))
        os.execvp(words[0], words)  # noqa: S606  # becomes that program

    def ssh(name: str, *command: str) -> None:
        lab.network.enter()
        os.execvp("ssh", lab.ssh(name, *command))  # noqa: S606  # as above

    def run(*command: str) -> None:
        lab.network.enter()
        os.execvp(command[0], command)  # noqa: S606  # as above

    verbs: dict[str, Callable[..., object]] = {
        "up": up,
        "down": lab.down,
        "reset": lab.reset,
        "restart": lab.restart,
        "cut": lambda name: lab.hosts[name].cut_power(),
        "exec": execute,
        "ssh": ssh,
        "run": run,
    }
    if not words or words[0] not in verbs:
        sys.exit(_USAGE)
    try:
        verbs[words[0]](*words[1:])
    except LabError as error:
        sys.exit(f"lab: {error}")


main(sys.argv[1:])
