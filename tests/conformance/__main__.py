"""Runs the suite and the inspector and prints what each scenario said. Wants `npm` on the path, or NPM's in Parlor's
own Node (`python3 .make/setup.py node`), and an npm registry the first time."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from tests.conformance import client_suite, peers
from tests.conformance.authorization import Authorization
from tests.conformance.inspector import Inspector
from tests.conformance.own_endpoint import own_endpoint

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SUITE = ROOT / ".cache" / "conformance"
LINE = re.compile(r"^([✓✗]) ([\w/-]+): (\d+) passed, (\d+) failed", re.MULTILINE)
ADDRESS = re.compile(r"^(\S+) is running at (\S+)$", re.MULTILINE)
EXTENSION = re.compile(r"^tasks-|^sep-2640-")
"""Of extensions we do not speak."""
NOT_OURS = {
    # Marked as pending by the suite itself: its own reference does not pass.
    "json-schema-2020-12": "wants a tool with a schema no Python function has",
}
WITHOUT_FIXTURES = {
    "2026-07-28": (
        *("tools-list", "resources-list", "prompts-list", "caching", "dns-rebinding-protection"),
        *("sep-2164-resource-not-found", "server-sse-multiple-streams", "http-header-validation"),
        "input-required-result-unsupported-methods",
    ),
    "2025-11-25": (
        *("server-initialize", "ping", "tools-list", "resources-list", "prompts-list"),
        "dns-rebinding-protection",
    ),
}
"""What any server can be asked, whatever its tools."""


def main() -> None:
    install()
    inspector = Inspector(SUITE / "node_modules" / ".bin" / "mcp-inspector")
    failed: list[str] = []
    with running([sys.executable, "-m", "tests.conformance.fixture"], count=1) as addresses:
        for name, address in addresses.items():
            failed += report(f"{name}: our hosting, the suite's own tools", scored(address))
    parlor = str(Path(sys.executable).with_name("parlor"))
    with running([parlor, "mcp", "serve"], count=7) as addresses:
        for name, address in addresses.items():
            failed += report(name, chain(asked(address), inspector.listed(name, address)))
    with own_endpoint() as ours:
        failed += report("parlor's own /mcp", chain(asked(ours.open_url), inspector.used(ours)))
        signing_in = Authorization(SUITE / "node_modules").checked(ours)
        failed += report("parlor's own OAuth server", signing_in)
    failed += client_suite.report()
    failed += peers.report()
    if failed:
        sys.exit(f"{len(failed)} failed: {', '.join(failed)}")
    print("\nEvery applicable scenario passes.")


def install() -> None:
    wanted, installed = (HERE / "package.json").read_bytes(), SUITE / "package.json"
    programs = [SUITE / "node_modules" / ".bin" / name for name in ("conformance", "mcp-inspector")]
    if all(program.exists() for program in programs) and installed.read_bytes() == wanted:
        return
    SUITE.mkdir(parents=True, exist_ok=True)
    installed.write_bytes(wanted)
    subprocess.run(["npm", "install", "--silent", "--no-audit"], cwd=SUITE, check=True)


@contextmanager
def running(command: list[str], *, count: int) -> Iterator[dict[str, str]]:
    """The addresses the servers announce, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PARLOR_STATE_DIR": folder,
            "PARLOR_MCP_BASE_PORT": "0",
            "PYTHONPATH": str(ROOT),
        }
        with said.open("wb") as out:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out)
        try:
            end = time.monotonic() + 20
            while len(found := ADDRESS.findall(said.read_text())) < count:
                if process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"{command} did not start.")
                time.sleep(0.05)
            yield dict(found)
        finally:
            process.terminate()
            process.wait()


def scored(address: str) -> Iterator[tuple[str, str, bool]]:
    yield from outcome("2026-07-28", ["--url", address, "--requirements", "2026-07-28"])


def asked(address: str) -> Iterator[tuple[str, str, bool]]:
    for version, scenarios in WITHOUT_FIXTURES.items():
        for scenario in scenarios:
            words = ["--url", address, "--scenario", scenario, "--spec-version", version]
            yield version, scenario, suite(words).returncode == 0


def outcome(version: str, words: list[str]) -> Iterator[tuple[str, str, bool]]:
    said = suite(words).stdout
    for mark, scenario, _, _ in LINE.findall(said.partition("=== SUMMARY ===")[2]):
        if not EXTENSION.search(scenario) and scenario not in NOT_OURS:
            yield version, scenario, mark == "✓"


def suite(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SUITE / "node_modules" / ".bin" / "conformance"), "server", *words],
        cwd=SUITE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def report(server: str, results: Iterator[tuple[str, str, bool]]) -> list[str]:
    print(f"\n{server}")
    failed, count = [], 0
    for version, scenario, good in results:
        count += 1
        print(f"  {'pass' if good else 'FAIL'}  {version}  {scenario}", flush=True)
        if not good:
            failed.append(f"{server}: {scenario}")
    return failed if count else [f"{server}: the suite said nothing"]


if __name__ == "__main__":
    main()
