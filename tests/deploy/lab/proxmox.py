"""A stand-in for the Proxmox host: an sshd at the gateway whose `pct` makes and enters containers.

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
# Knows what Proxmox' pct is asked by Ansible. A container that is made is one of the lab's, which
# lies there with a fresh root; it gets the keys, and is started.
verb=$1 id=${{2:-}}
[ "$verb" = list ] || shift 2
declare -A names=({names})
name=${{names[${{id:-0}}]:-}}
lxc() {{ "lxc-$1" -P {state}/lxc -n "$name" "${{@:2}}"; }}
inside() {{ lxc attach --clear-env -v PATH={path} -v HOME=/root -- "$@"; }}
[ "$verb" = list ] || [ -n "$name" ] || {{ echo "the stand-in has no container $id" >&2; exit 2; }}
case $verb in
list) echo 'VMID       Status     Lock         Name'
    for id in "${{!names[@]}}"; do
        name=${{names[$id]}}
        lxc info -s 2>/dev/null | grep -q RUNNING && echo "$id   running             $name"
    done
    true ;;
create) echo "$id $*" >> {state}/made
    for word in "$@"; do case $word in
        --ssh-public-keys=*) keys=${{word#*=}} ;;
        --hostname=*) echo "${{word#*=}}" > {state}/$name/root/etc/hostname ;;
    esac; done
    home={state}/$name/root/root
    cat "$keys" > "$home/.ssh/authorized_keys" || exit 1
    lxc start -d -o {state}/$name/lxc.log -l WARN ;;
exec) [ "$1" = -- ] && shift
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
# pct and pveam appear in /usr/sbin, sshd's own parts where it looks for them, and a user that it
# insists on.
_VIEW = """
set -e
folder=$1 sshd=$2
mount -t overlay proxmox -o "lowerdir=$folder/programs:/usr/sbin" /usr/sbin
mount --bind "$folder/passwd" /etc/passwd
mkdir -p /run/sshd
unpacked=$(dirname "$sshd")/..
if [ -d "$unpacked/lib/openssh" ]; then
    ln -s "$(realpath "$unpacked/lib/openssh")" "$folder/openssh"
    mount -t overlay openssh -o "lowerdir=$folder/openssh:/usr/lib/openssh" /usr/lib/openssh
fi
export LD_LIBRARY_PATH=$(echo "$unpacked"/lib/*-linux-gnu)
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
        command = anyone.view("bash", "-c", _VIEW, "sshd", self._folder, ready_sshd(lab.cache))
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


def ready_sshd(cache: Path) -> Path:
    """Unpacked, not installed: installing would start it on every address of the machine."""
    if found := shutil.which("sshd"):
        return Path(found)
    folder = cache / "sshd"
    program = folder / "usr" / "sbin" / "sshd"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _download(folder)
        except LabError:  # a machine whose lists of packages are old, or gone
            run("apt-get", "-q", "update", seconds=300)
            _download(folder)
        for package in folder.glob("*.deb"):
            run("dpkg", "-x", package, folder)
    return program


def _download(folder: Path) -> None:
    script = f"""
cd '{folder}' && apt-get -q -o APT::Sandbox::User=root download openssh-server libwrap0 &&
if apt-cache show --no-all-versions openssh-server | grep -q libwtmpdb; then
    apt-get -q -o APT::Sandbox::User=root download libwtmpdb0
fi
"""
    run("sh", "-c", script, seconds=300)
