"""One container: its root from the image, its keys, its configuration, its life."""

import os
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.lab.image import SHIFT
from tests.deploy.lab.network import PREFIX, Network
from tests.deploy.lab.programs import LabError, is_mounted, run, succeeds

# liblxc looks for its bridge in /sys, for controllers in /sys/fs/cgroup, and newuidmap asks
# /etc/subuid. It is shown the lab's version of all three; the machine's files stay as they are.
_VIEW = """
set -e
groups=$1 subids=$2; shift 2
mount -t tmpfs tmpfs /mnt; mkdir /mnt/groups; mount --rbind /sys/fs/cgroup /mnt/groups
mount -t sysfs sysfs /sys
if [ "$groups" = v2 ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup
else mount --rbind /mnt/groups /sys/fs/cgroup; fi
umount -l /mnt/groups; umount -l /mnt
for file in /etc/subuid /etc/subgid; do
  [ -e $file ] || : > $file
  mount --bind "$subids" $file
done
exec "$@"
"""
_CONFIGURATION = """\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{root}
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.include = /usr/share/lxc/config/nesting.conf
lxc.apparmor.profile = unconfined
lxc.idmap = u 0 {shift} 65536
lxc.idmap = g 0 {shift} 65536
lxc.init.cmd = /sbin/init
lxc.signal.halt = SIGRTMIN+4
lxc.tty.max = 0
lxc.console.path = none
lxc.net.0.type = veth
lxc.net.0.link = bridge0
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.hwaddr = bc:24:11:00:00:{number:02x}
lxc.net.0.ipv4.address = {address}/24
lxc.cgroup.dir.monitor = {group}/{name}.monitor
lxc.cgroup.dir.container = {group}/{name}
lxc.cgroup.dir.monitor.pivot = {group}/pivot
"""
_MEMORY = Path("/sys/fs/cgroup/memory")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Limits:
    """Of a host. They hold where the machine's controllers are lent."""

    megabytes: int
    cores: int

    def lines(self) -> str:
        if lends_controllers():
            return (
                f"lxc.cgroup.memory.limit_in_bytes = {self.megabytes}M\n"
                f"lxc.cgroup.cpu.cfs_period_us = 100000\n"
                f"lxc.cgroup.cpu.cfs_quota_us = {self.cores * 100_000}\n"
            )
        return (
            f"lxc.cgroup2.memory.max = {self.megabytes}M\n"
            f"lxc.cgroup2.cpu.max = {self.cores * 100_000} 100000\n"
        )


def lends_controllers() -> bool:
    """Whether the machine has its controllers in control groups of the first version."""
    return _MEMORY.is_dir()


@dataclass(frozen=True)
class Host:
    """`number`: last octet of the address, and what Proxmox would call it by."""

    name: str
    number: int
    state: Path
    network: Network
    limits: Limits | None = None

    @property
    def address(self) -> str:
        return f"{PREFIX}.{self.number}"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def folder(self) -> Path:
        return self.state / self.name

    def prepare(self, image: Path, key: str, names: str) -> None:
        """A fresh root over the image, that knows the lab's key and is known by its own."""
        upper = self.folder / "upper"
        for folder in (upper, self.folder / "work", self.root):
            folder.mkdir(parents=True)
        os.chown(upper, SHIFT, SHIFT)
        layers = f"lowerdir={image},upperdir={upper},workdir={self.folder / 'work'}"
        run("mount", "-t", "overlay", f"parlor-{self.name}", "-o", layers, self.root)
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
        host_key = etc / "ssh" / "ssh_host_ed25519_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", host_key)
        words = Path(f"{host_key}.pub").read_text().split()[:2]
        with (self.state / "known_hosts").open("a") as known:
            known.write(f"{self.address},{self.name} {' '.join(words)}\n")
        for path in (etc / "hostname", etc / "hosts", host_key, Path(f"{host_key}.pub")):
            os.chown(path, SHIFT, SHIFT)
        for home, owner in ((self.root / "root", 0), (self.root / "home" / "deploy", 1000)):
            keys = home / ".ssh" / "authorized_keys"
            keys.parent.mkdir(mode=0o700, exist_ok=True)
            keys.write_text(key)
            for path in (keys, keys.parent):
                os.chown(path, SHIFT + owner, SHIFT + owner)
        configuration = self.state / "lxc" / self.name / "config"
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(
            _CONFIGURATION.format(
                name=self.name,
                root=self.root,
                shift=SHIFT,
                number=self.number,
                address=self.address,
                group=self.network.name,
            )
            + (self.limits.lines() if self.limits else "")
        )

    def megabytes(self) -> int:
        """What its processes have in memory now, with `limits`."""
        first = lends_controllers()
        group = (_MEMORY if first else _MEMORY.parent) / self.network.name / self.name
        lines = (group / "memory.stat").read_text().splitlines()
        about = {name: int(value) for name, value in map(str.split, lines)}
        wanted = ("total_rss", "total_shmem") if first else ("anon", "shmem")
        return sum(about[name] for name in wanted) // 2**20

    def start(self) -> None:
        log = self.folder / "lxc.log"
        run(*self._lxc("lxc-start"), "-d", "-o", log, "-l", "WARN")

    def wait(self, seconds: float = 60) -> None:
        """Until it answers on ssh and systemd says that all is running."""
        until = time.monotonic() + seconds
        while not self._answers():
            if time.monotonic() > until:
                raise LabError(f"{self.name} does not answer: {self.folder / 'lxc.log'}")
            time.sleep(0.05)
        try:
            self.execute("systemctl", "is-system-running", "--wait")
        except LabError:
            failed = self.execute("systemctl", "--failed", "--no-legend", "--plain")
            raise LabError(f"{self.name} did not come up whole:\n{failed}") from None

    def stop(self) -> None:
        """Asked first, then killed."""
        succeeds(*self._lxc("lxc-stop"), "-t", 10)

    def cut_power(self) -> None:
        succeeds(*self._lxc("lxc-stop"), "-k")

    def drop(self) -> None:
        if is_mounted(self.root):
            run("umount", "-l", self.root)
        shutil.rmtree(self.folder, ignore_errors=True)
        known = self.state / "known_hosts"
        if known.exists():
            lines = known.read_text().splitlines(keepends=True)
            known.write_text("".join(line for line in lines if f",{self.name} " not in line))

    def execute(self, *words: object, given: str | None = None, seconds: float = 60) -> str:
        """As root inside, without the network."""
        clean = ["--clear-env", "-v", f"PATH={_PATH}", "-v", "HOME=/root", "-v", "LANG=C.UTF-8"]
        return run(*self._lxc("lxc-attach"), *clean, "--", *words, given=given, seconds=seconds)

    def command(self, *words: object) -> list[str]:
        """The same as words to run."""
        clean = ["--clear-env", "-v", f"PATH={_PATH}", "-v", "HOME=/root", "-v", "LANG=C.UTF-8"]
        return [str(word) for word in (*self._lxc("lxc-attach"), *clean, "--", *words)]

    def view(self, *words: object) -> list[object]:
        """The command, seeing what liblxc has to see."""
        groups = (self.state / "groups").read_text().strip()
        view = ["unshare", "-m", "bash", "-c", _VIEW, "view", groups, self.state / "subids"]
        return self.network.within(*view, *words)

    def _lxc(self, program: str) -> list[object]:
        return self.view(program, "-P", self.state / "lxc", "-n", self.name)

    def _answers(self) -> bool:
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self.network.enter()
            with suppress(OSError), socket.create_connection((self.address, 22), 1) as connection:
                return connection.recv(4) == b"SSH-"
        finally:
            os.setns(before, os.CLONE_NEWNET)
            os.close(before)
        return False
