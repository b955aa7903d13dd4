"""The root of a bare Debian 13 host: built once, kept, and never changed by a lab."""

import fcntl
import hashlib
import os
import re
import shutil
import stat
from pathlib import Path

from tests.deploy.lab.programs import LabError, run

SUITE = "trixie"
SHIFT = 100_000
"""First user id of the containers on the machine: root inside is nobody outside."""
_RECIPE = 3
_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sudo", "iproute2"),
    *("ca-certificates", "openssl", "python3", "python3-apt", "nftables", "tzdata", "procps"),
)
_MASKED = (
    # A container cannot mount these; Proxmox' own templates mask them, too.
    *("sys-kernel-debug.mount", "sys-kernel-config.mount", "systemd-modules-load.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
)
_HOOKS = (
    # mmdebstrap leaves the builder's name and resolver in the image; keys are made per host.
    'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/apt/sources.list',
    ': > "$1"/etc/machine-id; : > "$1"/etc/resolv.conf; echo LANG=C.UTF-8 > "$1"/etc/default/locale',
    f'for unit in {" ".join(_MASKED)}; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done',
    'chroot "$1" useradd -m -s /bin/bash deploy',
    'echo "deploy ALL=(ALL) NOPASSWD: ALL" > "$1"/etc/sudoers.d/deploy',
)


def ready_image(cache: Path) -> Path:
    """The folder of the image, with owners as the containers need them. Minutes, then nothing."""
    recipe = repr((SUITE, _PACKAGES, _HOOKS, SHIFT, _RECIPE))
    name = f"debian-{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    folder, archive = cache / name, cache / f"{name}.tar.zst"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        if not archive.exists():
            _build(archive)
        _unpack(archive, folder)
    return folder


def _build(archive: Path) -> None:
    fresh = archive.with_name("new-image.tar")
    leave_out = [f"/usr/share/{folder}/*" for folder in ("man", "locale", "doc")]
    words: list[object] = ["mmdebstrap", "--quiet", "--variant=minbase"]
    words += [f"--include={','.join(_PACKAGES)}"]
    words += [f"--dpkgopt=path-exclude={pattern}" for pattern in leave_out]
    words += [f"--customize-hook={hook}" for hook in _HOOKS]
    mirror = _mirror()
    source = [f"deb {mirror} {SUITE} main"] if mirror else []
    run(*words, SUITE, fresh, *source, seconds=900)
    run("zstd", "-q", "-f", "--rm", "-3", fresh, "-o", f"{fresh}.zst")
    Path(f"{fresh}.zst").rename(archive)


def _unpack(archive: Path, folder: Path) -> None:
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    run("tar", "--numeric-owner", "--exclude=./dev/*", "-xf", archive, "-C", fresh)
    _shift(fresh)
    for parent, folders, files in os.walk(fresh):
        for entry in folders + files:
            _shift(Path(parent, entry))
    fresh.rename(folder)


def _shift(path: Path) -> None:
    about = path.lstat()
    os.chown(path, about.st_uid + SHIFT, about.st_gid + SHIFT, follow_symlinks=False)
    # chown takes set-id bits away.
    if not stat.S_ISLNK(about.st_mode) and about.st_mode & 0o6000:
        path.chmod(stat.S_IMODE(about.st_mode))


def _mirror() -> str:
    """Where this machine's own packages come from. An Ubuntu has other packages: there
    mmdebstrap's own choice holds."""
    if "\nID=debian" not in f"\n{Path('/etc/os-release').read_text()}":
        return ""
    etc = Path("/etc/apt")
    lists = [*etc.glob("sources.list.d/*.sources"), etc / "sources.list"]
    lists += etc.glob("sources.list.d/*.list")
    for path in lists:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        found = re.search(r"^(?:URIs:|deb +(?:\[[^]]*\] +)?) *(\S+)", text, re.MULTILINE)
        if found:
            return found[1]
    raise LabError("no package source is configured under /etc/apt, so no image can be built")
