"""Running the machine's programs, and saying which of them are missing."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

NEEDED = {"lxc-start": "lxc", "mmdebstrap": "mmdebstrap", "newuidmap": "uidmap", "ip": "iproute2"}
NEEDED |= {"ssh": "openssh-client", "zstd": "zstd", "nsenter": "util-linux"}
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


def unable() -> str:
    """Why there can be no lab here, "" when there can."""
    if os.geteuid() != 0:
        return "containers with systemd need root"
    if not os.path.isdir("/sys/fs/cgroup"):  # noqa: PTH112  # one question, no path
        return "this kernel shows no control groups (/sys/fs/cgroup)"
    missing = _missing()
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
    return sorted({package for program, package in NEEDED.items() if not shutil.which(program)})
