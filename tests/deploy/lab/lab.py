"""A whole lab: the tools host and the app host, as Proxmox would have them as 110 and 111."""

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.deploy.lab.hosts import Host, Limits, lends_controllers
from tests.deploy.lab.image import SHIFT, ready_image
from tests.deploy.lab.network import Network
from tests.deploy.lab.programs import (
    LabError,
    install_missing,
    is_mounted,
    run,
    succeeds,
    unable,
)

_NUMBERS = {"tools": 110, "app": 111}
_GROUPS = Path("/sys/fs/cgroup")
_LOCKS = Path("/run/lxc/lock")


class Lab:
    """`name`: labs of different names run side by side."""

    def __init__(
        self, name: str = "lab", *, groups: str = "v2", app_limits: Limits | None = None
    ) -> None:
        """`groups`: v2 as on Proxmox; on a machine with its controllers in groups of the first
        version limits do nothing there, so hybrid lends those. With limits the hosts' files lie on
        the disk: in a tmpfs they would count as the host's memory."""
        if app_limits and lends_controllers():
            groups = "hybrid"
        if groups not in ("v2", "hybrid"):
            raise LabError(f"control groups are v2 or hybrid, not {groups}")
        self.name = name
        self._groups = groups
        self.state = Path("/run/parlor-lab") / name
        self.cache = _cache()
        self.network = Network(f"parlor-{name}")
        self.hosts = {
            host: Host(
                *(host, number, self.state, self.network), app_limits if host == "app" else None
            )
            for host, number in _NUMBERS.items()
        }
        self._on_disk = app_limits is not None

    @property
    def is_up(self) -> bool:
        return self.network.file.exists()

    @property
    def key(self) -> Path:
        return self.state / "id_ed25519"

    def up(self) -> float:
        """Both hosts, fresh. Seconds it took."""
        if reason := unable():
            raise LabError(reason)
        if self.is_up:
            raise LabError("this lab is up already; `down` or `reset` it")
        began = time.monotonic()
        install_missing()
        image = ready_image(self.cache)
        self.down()  # what a killed lab may have left
        self.state.mkdir(parents=True)
        if self._on_disk:
            folder = self.cache / f"state-{self.network.name}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            run("mount", "--bind", folder, self.state)
        else:
            run("mount", "-t", "tmpfs", "-o", "mode=755,size=4g", self.network.name, self.state)
        (self.state / "lxc").mkdir()
        (self.state / "groups").write_text(f"{self._groups}\n")
        (self.state / "subids").write_text(f"root:{SHIFT}:65536\n")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "parlor-lab", "-f", self.key)
        self.network.up()
        self._prepare(self.hosts.values(), image)
        _start(self.hosts.values())
        return time.monotonic() - began

    def down(self) -> None:
        """No process, mount, namespace, file or control group of the lab is left."""
        if self.is_up and (self.state / "groups").exists():
            _at_once(Host.stop, self.hosts.values())
        self.network.down()
        for host in self.hosts.values():
            host.drop()
        while is_mounted(self.state):
            run("umount", "-l", self.state)
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.cache / f"state-{self.network.name}", ignore_errors=True)
        with suppress(OSError):
            self.state.parent.rmdir()
        shutil.rmtree(_LOCKS / self.state.relative_to("/"), ignore_errors=True)
        for folder in (_LOCKS / self.state.parent.relative_to("/"), _LOCKS / "run", _LOCKS):
            with suppress(OSError):
                folder.rmdir()
        for tree in (_GROUPS, *_GROUPS.glob("*")):
            if (tree / self.network.name).is_dir():
                succeeds(
                    *("find", tree / self.network.name, "-depth", "-type", "d"),
                    *("-exec", "rmdir", "{}", ";"),
                )

    def reset(self, *names: str) -> None:
        """Fresh roots, as after installing Debian."""
        _start(self.bare(*names))

    def bare(self, *names: str) -> list[Host]:
        """Fresh roots of hosts that are not started."""
        hosts = [self.hosts[name] for name in names or self.hosts]
        _at_once(Host.cut_power, hosts)
        _at_once(Host.drop, hosts)
        self._prepare(hosts, ready_image(self.cache))
        return hosts

    def restart(self, *names: str) -> None:
        hosts = [self.hosts[name] for name in names or self.hosts]
        _at_once(Host.stop, hosts)
        _start(hosts)

    def ssh(self, name: str, *words: str, user: str = "deploy") -> list[str]:
        """The words that run a command there, from within the lab's network."""
        options = self.ssh_options()
        return ["ssh", *options, f"{user}@{self.hosts[name].address}", *words]

    def ssh_options(self) -> list[str]:
        known = f"UserKnownHostsFile={self.state / 'known_hosts'}"
        words = ["-F", "none", "-i", str(self.key), "-o", known, "-o", "StrictHostKeyChecking=yes"]
        return [*words, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]

    def _prepare(self, hosts: Iterable[Host], image: Path) -> None:
        # A home may have a name that a mount's options cannot hold.
        known = self.state / "image"
        known.unlink(missing_ok=True)
        known.symlink_to(image)
        key = Path(f"{self.key}.pub").read_text()
        names = "".join(f"{host.address} {host.name}.lab.test\n" for host in self.hosts.values())
        for host in hosts:
            host.prepare(known, key, names)


def _start(hosts: Collection[Host]) -> None:
    _at_once(Host.start, hosts)
    _at_once(Host.wait, hosts)


def _cache() -> Path:
    """Where the image is kept: in the home, or in the checkout where there is none."""
    if given := os.environ.get("LAB_CACHE"):
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        return Path(__file__).resolve().parents[3] / ".cache" / "parlor-lab"
    return Path(home, *([] if os.environ.get("XDG_CACHE_HOME") else [".cache"]), "parlor-lab")


def _at_once(work: Callable[[Host], None], hosts: Iterable[Host]) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(work, hosts))
