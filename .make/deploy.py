"""`make deploy`: Parlor on two hosts, by Ansible from this environment.

deploy.py run [site.yml]    the playbook against INVENTORY, with ARGS
deploy.py lock              compile requirements-deploy.lock again
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from python_env import VENV, VENV_PYTHON, uv, uv_environment
from steps import (
    CACHE,
    ROOT,
    answers,
    digest,
    is_current,
    mark,
    run_quietly,
    say,
    stop,
    timed,
)

ANSIBLE = ROOT / "ansible"
LOCK = ROOT / "requirements-deploy.lock"
PROGRAM = VENV / "bin" / "ansible-playbook"
UNREACHABLE = 4  # Ansible's exit code
COLLECTIONS = CACHE / "collections"
# Of the `ansible` package, which bundles collections, one folder is needed, and only by those who
# reach their containers through the Proxmox host.
BUNDLE = (
    "ansible==14.5.0 --hash=sha256:245623ccc2d31d0f6f4bdb63168d550cad305fb032cc43d96e8f61ce8ab0ba84"
)


def install() -> None:
    stamp = VENV / ".parlor-deploy-packages"
    value = digest(LOCK.read_bytes())
    if is_current(stamp, value) and answers([PROGRAM, "--version"]):
        return
    with timed("Ansible (into .venv)"):
        run_quietly(
            [uv(), "pip", "install", "--python", VENV_PYTHON, "--require-hashes", "-r", LOCK],
            log="deploy-packages",
            env=uv_environment(),
        )
    mark(stamp, value)


def compile_lock() -> None:
    command: list[object] = [uv(), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-header", "--no-annotate", "--python-version", "3.13"]
    if os.environ.get("UPGRADE", "") not in ("", "0"):
        command.append("--upgrade")
    # One environment holds both, so they agree on what they share.
    command += ["-c", ROOT / "requirements-dev.lock", ANSIBLE / "requirements.in", "-o", LOCK]
    with timed(LOCK.name):
        run_quietly(command, log="lock-deploy", env=uv_environment())


def through_proxmox(inventory: Path) -> bool:
    return "proxmox_pct_remote" in inventory.read_text(encoding="utf-8")


def proxmox_collection() -> None:
    """The connection plugin for `pct`, out of the bundle's wheel; nothing of it is installed."""
    there = COLLECTIONS / "ansible_collections" / "community" / "proxmox"
    if there.is_dir():
        return
    with timed("The collection community.proxmox"):
        wheels = CACHE / "wheels"
        wanted = CACHE / "collection-requirement.txt"
        wanted.write_text(f"{BUNDLE}\n", encoding="utf-8")
        tool = [uv(), "tool", "run", "--python", VENV_PYTHON, "pip", "download", "--no-deps"]
        tool += ["--require-hashes", "-d", wheels, "-r", wanted]
        run_quietly(tool, log="collection", env=uv_environment())
        (wheel,) = wheels.glob("ansible-*.whl")
        fresh = COLLECTIONS.with_name("collections.new")
        shutil.rmtree(fresh, ignore_errors=True)
        part = "ansible_collections/community/proxmox/*"
        code = "import sys, zipfile, fnmatch; z = zipfile.ZipFile(sys.argv[1]);"
        code += "z.extractall(sys.argv[2], fnmatch.filter(z.namelist(), sys.argv[3]))"
        run_quietly([VENV_PYTHON, "-c", code, wheel, fresh, part], log="collection-unpack")
        shutil.rmtree(COLLECTIONS, ignore_errors=True)
        fresh.rename(COLLECTIONS)
        shutil.rmtree(wheels)


def inventory() -> Path:
    """The owner's, or a fresh one to fill in."""
    given = Path(os.environ.get("INVENTORY") or ANSIBLE / "inventory.yml").resolve()
    if given.exists():
        return given
    if given != ANSIBLE / "inventory.yml":
        stop(f"there is no inventory {given}")
    shutil.copy(ANSIBLE / "inventory.example.yml", given)
    given.chmod(0o600)
    words = f"fill in the three values in {given.relative_to(ROOT)}"
    return stop(f"{words}, then run the same command again")


def run(playbook: str) -> int:
    install()
    hosts = inventory()
    if through_proxmox(hosts):
        proxmox_collection()
    command = [str(PROGRAM), "-i", str(hosts), str(ANSIBLE / playbook)]
    command += shlex.split(os.environ.get("ARGS", ""))
    env = {**os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg")}
    code = subprocess.run(command, cwd=ANSIBLE, env=env, check=False).returncode
    if code == UNREACHABLE:
        say(
            "A host did not answer. When it does, run the same command again: it goes on from there."
        )
    return code


def ready_for_tests() -> str:
    """Brings what the deployment's tests need; or why they cannot run here."""
    sys.path.insert(0, str(ROOT))
    from tests.deploy.lab.programs import unable  # noqa: PLC0415 - the lab's own judgement

    if reason := unable():
        return reason
    install()
    proxmox_collection()
    return ""


def main() -> int:
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb == "run":
        return run(sys.argv[2] if len(sys.argv) > 2 else "site.yml")
    if verb == "lock":
        compile_lock()
        return 0
    say(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main())
