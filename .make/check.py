"""`make check`: every judgement that needs no running program, side by side."""

from __future__ import annotations

import concurrent.futures
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import web
from python_env import VENV
from steps import ROOT, say

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = VENV / "bin"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]
    folder: Path
    cure: str = ""


@dataclass(frozen=True)
class Outcome:
    check: Check
    good: bool
    output: str
    seconds: float


def python_checks() -> list[Check]:
    def program(name: str, *words: str) -> list[str]:
        return [str(PROGRAMS / name), *words]

    scripts = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ".make").glob("*.py"))
    return [
        Check("types (mypy)", program("mypy"), ROOT),
        Check("types of the set-up", program("mypy", *scripts), ROOT),
        Check("lint (ruff)", program("ruff", "check", "."), ROOT, "make fix"),
        Check("format (ruff)", program("ruff", "format", "--check", "."), ROOT, "make fix"),
        Check("import contracts", program("lint-imports"), ROOT),
    ]


def web_checks(env: dict[str, str]) -> list[Check]:
    return [
        Check("front end types", web.npm(env, "run", "--silent", "check"), web.WEB),
        Check("front end lint", web.npm(env, "run", "--silent", "lint"), web.WEB, "make fix"),
        Check(
            "API drift",
            [str(PROGRAMS / "python"), str(ROOT / ".make" / "api_drift.py")],
            ROOT,
            "make api",
        ),
    ]


def judge(check: Check, env: dict[str, str]) -> Outcome:
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.command,
            cwd=check.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        good, output = done.returncode == 0, done.stdout.decode(errors="replace")
    except OSError as problem:
        good, output = False, f"{check.command[0]} could not be started: {problem}"
    return Outcome(check, good, output.strip(), time.monotonic() - started)


def main() -> int:
    env = web.node_environment() if web.exists() else dict(os.environ)
    checks = python_checks() + (web_checks(env) if web.exists() else [])
    if sys.stdout.isatty():
        env["FORCE_COLOR"] = "1"
    started = time.monotonic()
    bad = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for done in concurrent.futures.as_completed(
            [pool.submit(judge, check, env) for check in checks]
        ):
            outcome = done.result()
            word = "ok " if outcome.good else "BAD"
            say(f"  {word}  {outcome.check.name} ({outcome.seconds:.1f} s)")
            if not outcome.good:
                bad.append(outcome.check)
                plain = outcome.output if sys.stdout.isatty() else COLOURS.sub("", outcome.output)
                say("\n".join("       " + line for line in plain.splitlines()))
    seconds = time.monotonic() - started
    if bad:
        say(f"check: {len(bad)} of {len(checks)} failed in {seconds:.1f} s")
        for check in bad:
            say(f"  {check.name}" + (f"   (try: {check.cure})" if check.cure else ""))
        return 1
    say(f"check: all {len(checks)} passed in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
