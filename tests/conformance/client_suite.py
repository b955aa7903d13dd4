"""The suite's client scenarios against Parlor's own client, each under every revision it is for."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITE = ROOT / ".cache" / "conformance"
REVISIONS = ("2026-07-28", "2025-11-25", "2025-03-26")
"""Ours: the newest, the last one with a handshake, and the one that old sign-ins follow."""
AT_ONCE = 3
LINE = re.compile(r"^\s+- (\S+) \[([^\]]+)\]$", re.MULTILINE)
CHECKS = re.compile(r"^Passed: (\d+)/(\d+)", re.MULTILINE)
NOT_OURS = {
    "auth/2025-03-26-oauth-endpoint-fallback": (
        "sends people to addresses that no description names; the revisions since forbid it"
    ),
}
EXTENSIONS = {
    "auth/client-credentials": "signs in programs without a person; Parlor signs in people",
    "auth/enterprise-managed": "wants a company's identity provider between Parlor and the server",
    "auth/dpop": "DPoP, which the SDK does not speak yet",
    "auth/wif": "signs in workloads of a cloud; Parlor signs in people",
    "sep-2640": "Skills, which Parlor does not speak",
}
"""Optional by definition; the suite scores none of them."""

type Scored = tuple[str, str, bool, str]


def scenarios() -> Iterator[tuple[str, list[str]]]:
    """Each with its revisions."""
    listed = _suite(["list", "--client"]).stdout
    for name, versions in LINE.findall(listed):
        yield name, versions.split(",")


def why_not(name: str) -> str:
    if name in NOT_OURS:
        return NOT_OURS[name]
    return next((why for start, why in EXTENSIONS.items() if name.startswith(start)), "")


def report() -> list[str]:
    """Prints what each said; returns what failed."""
    print("\nParlor's client")
    wanted: list[tuple[str, str]] = []
    absent: dict[str, str] = {}
    for name, versions in scenarios():
        if why := why_not(name):
            absent[name] = why
            continue
        wanted += [(version, name) for version in REVISIONS if version in versions]
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for version, name, good, said in pool.map(_scored, wanted):
            print(f"  {'pass' if good else 'FAIL'}  {version}  {name}  {said}", flush=True)
            if not good:
                failed.append(f"Parlor's client: {version} {name}")
    for name, why in absent.items():
        print(f"  n/a               {name}: {why}")
    return failed if wanted else ["Parlor's client: the suite listed nothing"]


def _scored(wanted: tuple[str, str]) -> Scored:
    version, name = wanted
    command = f"{sys.executable} -m tests.conformance.client"
    words = ["client", "--command", command, "--scenario", name, "--spec-version", version]
    done = _suite(words)
    checks = CHECKS.search(done.stdout)
    said = f"{checks[1]} of {checks[2]} checks" if checks else ""
    good = done.returncode == 0 and checks is not None
    return version, name, good, said if good else f"{said}\n{done.stdout[-3000:]}"


def _suite(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SUITE / "node_modules" / ".bin" / "conformance"), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
