"""A stand-in for the Proxmox host: an sshd at the gateway whose `pct` is lxc-attach.

For the connection plugin that reaches containers through `pct`, and for the role that makes them. The
server and the programs exist only in a view of their own; the machine's files stay as they are.
"""

import shutil
import subprocess
import time
from pathlib import Path

from tests.deploy.lab.lab import Lab
from tests.deploy.lab.network import GATEWAY
from tests.deploy.lab.programs import LabError, run

_PCT = """\
#!/bin/bash
# Knows what Proxmox' pct is asked by Ansible; containers that are "made" are only written down.
verb=$1 id=${{2:-}}
case $verb in list|create) ;; *) shift 2 ;; esac
declare -A names=({names})
inside() {{ lxc-attach -P {state}/lxc -n "${{names[$id]}}" --clear-env -v PATH={path} -v HOME=/root -- "$@"; }}
case $verb in
list) echo 'VMID Status Lock Name'
    for id in "${{!names[@]}}"; do echo "$id running ${{names[$id]}}"; done
    sed -nE 's/^create ([0-9]+) .*/\\1 running made/p' {state}/made 2>/dev/null ;;
create) echo "$*" >> {state}/made ;;
exec) [ "$1" = -- ] && shift
    [ -n "${{names[$id]:-}}" ] || exit 0
    inside "$@" ;;
push) inside sh -c 'cat > "$1"' sh "$2" < "$1" ;;
pull) inside cat "$1" > "$2" ;;
*) echo "the stand-in knows no pct $verb" >&2; exit 255 ;;
esac
"""
_PVEAM = """\
#!/bin/bash
case $1 in
available) echo 'system          debian-12-standard_12.7-1_amd64.tar.zst'
    echo 'system          debian-13-standard_13.1-2_amd64.tar.zst' ;;
download) echo 'already exists - no need to download' ;;
esac
"""
_SSHD = """\
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
"""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# pct and pveam appear in /usr/sbin, and a user that sshd insists on.
_VIEW = """
set -e
folder=$1 sshd=$2
mount -t overlay proxmox -o "lowerdir=$folder/programs:/usr/sbin" /usr/sbin
mount --bind "$folder/passwd" /etc/passwd
mkdir -p /run/sshd
export LD_LIBRARY_PATH=$(dirname "$sshd")/../lib/x86_64-linux-gnu
exec "$sshd" -D -f "$folder/sshd_config" -E "$folder/log"
"""


class ProxmoxStandIn:
    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._folder = lab.state / "proxmox"
        self.made = lab.state / "made"
        self.made.unlink(missing_ok=True)
        self._prepare()
        anyone = next(iter(lab.hosts.values()))
        command = anyone.view("bash", "-c", _VIEW, "sshd", self._folder, _sshd(lab.cache))
        self._process = subprocess.Popen([str(word) for word in command])
        until = time.monotonic() + 10
        while "listening" not in self._log():
            if self._process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the stand-in for Proxmox does not start: {self._log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def _log(self) -> str:
        log = self._folder / "log"
        return log.read_text() if log.exists() else ""

    def _prepare(self) -> None:
        programs = self._folder / "programs"
        shutil.rmtree(self._folder, ignore_errors=True)
        programs.mkdir(parents=True)
        names = " ".join(f"[{host.number}]={host.name}" for host in self._lab.hosts.values())
        pct = _PCT.format(names=names, state=self._lab.state, path=_PATH)
        for name, text in (("pct", pct), ("pveam", _PVEAM)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        people = Path("/etc/passwd").read_text()
        if "\nsshd:" not in people:
            people += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
        (self._folder / "passwd").write_text(people)
        key = self._folder / "host_key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "proxmox", "-f", key)
        words = Path(f"{key}.pub").read_text().split()[:2]
        with (self._lab.state / "known_hosts").open("a") as known:
            known.write(f"{GATEWAY},proxmox {' '.join(words)}\n")
        shutil.copy(f"{self._lab.key}.pub", self._folder / "authorized_keys")
        configuration = _SSHD.format(address=GATEWAY, folder=self._folder)
        (self._folder / "sshd_config").write_text(configuration)


def _sshd(cache: Path) -> Path:
    """Unpacked, not installed: installing would start it on every address of the machine."""
    if found := shutil.which("sshd"):
        return Path(found)
    folder = cache / "sshd"
    program = folder / "usr" / "sbin" / "sshd"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"]
        packages = ["openssh-server", "libwrap0"]
        run("sh", "-c", f"cd '{folder}' && {' '.join(quiet + packages)}", seconds=120)
        for package in folder.glob("*.deb"):
            run("dpkg", "-x", package, folder)
    return program
