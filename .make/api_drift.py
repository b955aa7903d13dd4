"""Is the API that the front ends were written against the one the backend speaks?

Exports the OpenAPI document and generates the types again beside the committed ones, compares,
and changes nothing.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
from pathlib import Path

import web
from python_env import VENV
from steps import ROOT, STAMPS, digest, is_current, mark, say

SHARED = web.WEB / "shared"
DOCUMENT = SHARED / "openapi.json"
TYPES = SHARED / "src" / "api" / "generated"
# Inside frontend/, so that the generator finds its configuration.
TRIAL = web.WEB / "node_modules" / ".cache" / "api-drift"


def exported() -> str:
    return subprocess.run(
        [VENV / "bin" / "parlor", "export-openapi"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout


def generate_types() -> None:
    env = web.node_environment()
    target = TRIAL / "generated"
    generator = [web.WEB / "node_modules" / ".bin" / "openapi-ts", "-i", DOCUMENT, "-o", target]
    done = subprocess.run(
        [str(word) for word in generator],
        cwd=web.WEB,
        env=env,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def differences(name: str, committed: str, wanted: str) -> list[str]:
    lines = difflib.unified_diff(
        committed.splitlines(), wanted.splitlines(), f"{name} (committed)", f"{name} (backend)", n=1
    )
    return [line.rstrip()[:160] for line in lines][:40]


def main() -> int:
    if not DOCUMENT.exists():
        say(f"{DOCUMENT.relative_to(ROOT)} is missing")
        return 1
    committed = DOCUMENT.read_text(encoding="utf-8")
    drift = differences(DOCUMENT.name, committed, exported())
    there = contents(TYPES)
    value = digest(committed, repr(there), (web.WEB / "package-lock.json").read_bytes())
    stamp = STAMPS / "api-types"
    if not is_current(stamp, value):
        shutil.rmtree(TRIAL, ignore_errors=True)
        generate_types()
        fresh = contents(TRIAL / "generated")
        stale = [
            line
            for name in sorted(there.keys() | fresh.keys())
            for line in differences(name, there.get(name, ""), fresh.get(name, ""))
        ]
        if not stale:
            mark(stamp, value)
        drift += stale
    say("\n".join(drift))
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
