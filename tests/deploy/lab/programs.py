"""Running the machine's programs, and saying which of them are missing."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

NEEDED = {"lxc-start": "lxc", "mmdebstrap": "mmdebstrap", "newuidmap": "uidmap", "ip": "iproute2"}
NEEDED |= {"ssh": "openssh-client", "zstd": "zstd", "nsenter": "util-linux"}
NEEDED |= {"openssl": "openssl", "newgidmap": "uidmap", "tar": "tar"}
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LONGEST = 900


class LabError(Exception):
    """The lab cannot be what was asked for; `str()` says why and what to do."""


def run(
    *words: object,
    given: str | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
) -> str:
    """What the program printed. Raises LabError with its complaint when it fails."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            env=None if environment is None else {**os.environ, **environment},
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"{' '.join(command)[:300]}: exit code {done.returncode}\n{said}")
    return done.stdout


def succeeds(*words: object) -> bool:
    try:
        run(*words)
    except LabError:
        return False
    return True


def is_mounted(path: Path) -> bool:
    """Also a folder of the same disk, which Path.is_mount does not notice."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(path) for line in mounts)


# What liblxc does that a machine may refuse, in namespaces that are gone afterwards.
_TRIAL = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root
mount -t overlay trial -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t sysfs sysfs /sys
ip link add trial0 type bridge
ip link add trial1 type veth peer name trial2
mkdir /mnt/groups
mount -t cgroup2 cgroup2 /mnt/groups
mkdir "/mnt/groups/parlor-trial-$$"
rmdir "/mnt/groups/parlor-trial-$$"
"""


def unable() -> str:
    """Why there can be no lab here, "" when there can."""
    if os.geteuid() != 0:
        return "containers with systemd need root"
    if not succeeds("unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "true"):
        return "this machine lets not even root make namespaces (is it a container itself?)"
    if not os.path.isdir("/sys/fs/cgroup"):  # noqa: PTH112  # one question, no path
        return "this kernel shows no control groups (/sys/fs/cgroup)"
    missing = _missing()
    if "iproute2" not in missing and not succeeds("unshare", "-m", "-n", "sh", "-c", _TRIAL):
        return "this machine lets root have no overlay, bridge or control group in a namespace"
    if missing and not (shutil.which("apt-get") and os.path.exists("/etc/debian_version")):  # noqa: PTH110
        return f"these packages are missing, and this is no Debian: {', '.join(missing)}"
    return ""


def install_missing() -> None:
    """What the lab needs of the machine, by its own package manager."""
    missing = _missing()
    if not missing:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-q", "update", environment=quiet, seconds=_LONGEST)
    install = ["apt-get", "-q", "-y", "install", "--no-install-recommends"]
    run(*install, *missing, environment=quiet, seconds=_LONGEST)
    if still := _missing():
        raise LabError(f"installed, and still missing: {', '.join(still)}")


def _missing() -> Sequence[str]:
    missing = {package for program, package in NEEDED.items() if not shutil.which(program)}
    if not DEBIAN_KEYS.exists():  # an Ubuntu
        missing.add("debian-archive-keyring")
    return sorted(missing)
