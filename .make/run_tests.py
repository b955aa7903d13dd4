"""`make test`: run the test suites one after the other and say plainly what ran and what did not.

    run_tests.py [python] [system] [web] [e2e]     all of these when none is named
    run_tests.py package                  the built file
    run_tests.py deploy                   the playbooks, on hosts in containers
    run_tests.py total                    the closing line of the newest results

Words for pytest come from PYTEST_ARGS. Where CI or PARLOR_REQUIRE_ALL is set, a suite that cannot
be run and a test that was skipped count as failures.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import browser
import deploy
import web
from python_env import VENV, VENV_PYTHON
from scratch import scratch
from steps import CACHE, ROOT, mark, say, wants_everything

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESULTS = CACHE / "results"
MEMORY = RESULTS / "newest.json"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WORDS = r"passed|failed|skipped|did not run|flaky|todo|interrupted"
# How vitest ("     Tests  3 failed | 9 passed (12)") and Playwright ("  9 passed (4.1s)") close.
CLOSING = re.compile(
    rf"^\s+Tests\s+\d+ ({WORDS})( \| \d+ ({WORDS}))* \(\d+\)$"
    rf"|^\s+\d+ ({WORDS})( \([\d.]+(ms|[smh])\))?$"
)
COUNTED = re.compile(rf"(\d+) ({WORDS})")


@dataclass
class Suite:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    good: bool = True
    not_run: str = ""
    skips: list[str] = field(default_factory=list)


def headline(text: str) -> None:
    say(f"\n== {text} " + "=" * max(4, 74 - len(text)))


def run_and_watch(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, list[str]]:
    """Pass a program's output on as it comes, and keep it."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for raw in process.stdout or ():
            line = raw.decode(errors="replace")
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(COLOURS.sub("", line.rstrip("\n")))
    return process.returncode, lines


def pytest_suite(name: str, *words: str) -> Suite:
    suite = Suite(name)
    report = RESULTS / f"{name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    command = [str(VENV_PYTHON), "-m", "pytest", f"--junitxml={report}", *words]
    command += ["--color=yes"] if sys.stdout.isatty() else []
    command += shlex.split(os.environ.get("PYTEST_ARGS", ""))
    # Without compiled files each worker would rewrite every test's assertions anew.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code, _ = run_and_watch(command, ROOT, env)
    suite.good = code == 0
    if not report.exists():
        suite.good = False
        return suite
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own report
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            suite.failed += 1
        elif skipped is None or skipped.get("type") == "pytest.xfail":
            suite.passed += 1
        else:
            suite.skipped += 1
            suite.skips.append(f"{case.get('name')}: {skipped.get('message')}")
    return suite


def python_suite() -> Suite:
    # These wait for each other's sockets more than they compute.
    workers = (os.process_cpu_count() or 1) * 3 // 2
    # Each loads its plugins anew, and what tries at random is the other suite's.
    lean = ("-p", "no:schemathesis")
    with scratch() as place:
        return pytest_suite("backend tests", *lean, *place, "-n", str(workers), "-m", "not system")


def system_suite() -> Suite:
    """What starts processes, sends floods or tries at random: see SYSTEM in tests/conftest.py."""
    with scratch() as place:
        return pytest_suite("system tests", *place, "-n", "auto", "-m", "system")


def package_suite() -> Suite:
    """One after the other and unmuted: these measure, and say what they measured."""
    os.environ["PARLOR_FILE"] = str(ROOT / "dist" / "parlor.pyz")
    return pytest_suite("file tests", "-s", "tests/package")


# What the deployment's tests measure, they measure alone.
MEASURED = tuple(
    f"tests/deploy/test_{name}.py"
    for name in ("lab", "descriptions", "first_install", "change_of_releases")
)


def deploy_suite() -> Suite:
    """A world of its own: what keeps other tests on loopback lies outside that folder."""
    suite = Suite("deployment tests")
    suite.not_run = deploy.ready_for_tests()
    if suite.not_run:
        return suite
    os.environ["PARLOR_FILE"] = str(ROOT / "dist" / "parlor.pyz")
    os.environ["PARLOR_LAB"] = "1"
    words = ["--confcutdir=tests/deploy", "-p", "no:randomly", "-o", "timeout=1800", "-v", "-rP"]
    rest = [
        *("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"),
        *(f"--ignore={file}" for file in MEASURED),
    ]
    for part in (
        pytest_suite("deployment measured", *words, *MEASURED),
        pytest_suite("deployment", *words, *rest, "tests/deploy"),
    ):
        suite.passed += part.passed
        suite.failed += part.failed
        suite.skipped += part.skipped
        suite.skips += part.skips
        # Words of PYTEST_ARGS may choose from one of them alone.
        is_empty = part.passed + part.failed + part.skipped == 0
        suite.good = suite.good and (part.good or (is_empty and "PYTEST_ARGS" in os.environ))
    suite.good = suite.good and suite.passed + suite.failed + suite.skipped > 0
    return suite


def count(lines: list[str], suite: Suite) -> None:
    """Read vitest's or Playwright's closing lines."""
    for line in lines:
        if not CLOSING.match(line):
            continue
        for number, word in COUNTED.findall(line):
            if word in ("passed", "flaky"):
                suite.passed += int(number)
            elif word == "failed":
                suite.failed += int(number)
            else:
                suite.skipped += int(number)
                suite.skips.append(line.strip())


def npm_suite(name: str, script: str, env: dict[str, str]) -> Suite:
    suite = Suite(name)
    code, lines = run_and_watch(web.npm(env, "run", "--silent", script), web.WEB, env)
    suite.good = code == 0
    count(lines, suite)
    if suite.good and suite.passed == 0:
        suite.good = False
        say(f"{name}: the runner was content, but no passed test could be read from its output")
    return suite


def web_suite() -> Suite:
    name = "front end tests"
    if not web.exists():
        return Suite(name, not_run="this checkout has no frontend/package.json")
    return npm_suite(name, "test", web.node_environment())


def browser_suite() -> Suite:
    name = "browser tests"
    if not web.exists():
        return Suite(name, not_run="this checkout has no frontend/package.json")
    program, reason = browser.chromium()
    if program is None:
        return Suite(name, not_run=reason)
    env = web.node_environment()
    env["CHROMIUM"] = program
    env["PARLOR"] = str(VENV / "bin" / "parlor")
    # Playwright must never fetch a browser by itself: the one above is what we test with.
    env["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"
    return npm_suite(name, "e2e", env)


SUITES: dict[str, tuple[str, Callable[[], Suite]]] = {
    "python": ("backend tests", python_suite),
    "system": ("system tests", system_suite),
    "web": ("front end tests", web_suite),
    "e2e": ("browser tests", browser_suite),
    "package": ("tests of the built file", package_suite),
    "deploy": ("tests of the deployment", deploy_suite),
}
ORDINARY = ("python", "system", "web", "e2e")


def report(suites: list[Suite], *, strict: bool) -> int:
    headline("what ran")
    bad = False
    for suite in suites:
        if suite.not_run:
            bad = bad or strict
            say(f"  {suite.name:<16} NOT RUN")
            continue
        bad = bad or not suite.good or (strict and suite.skipped > 0)
        skipped = f"{suite.skipped:>5} skipped" if suite.skipped else ""
        state = "ok" if suite.good else "FAILED"
        say(
            f"  {suite.name:<16} {suite.passed:>5} passed {suite.failed:>5} failed {skipped:<13}"
            f"  {suite.seconds:>6.1f} s  {state}"
        )
    for suite in suites:
        for line in suite.skips:
            say(f"  skipped in {suite.name}: {line}")
    missing = [suite for suite in suites if suite.not_run]
    if missing:
        say("\n" + "!" * 78)
        for suite in missing:
            say(f"!!  NOT RUN: {suite.name}: {suite.not_run}")
        say("!!  This run therefore says nothing about what those tests cover.")
        say("!" * 78)
    if strict and (missing or any(suite.skipped for suite in suites)):
        say("  Everything is required here (CI or PARLOR_REQUIRE_ALL): that is a failure.")
    say(f"\n{closing_line(suites)}")
    return 1 if bad else 0


def closing_line(suites: list[Suite]) -> str:
    """A suite that broke down before it could count counts as one failure."""
    passed = sum(suite.passed for suite in suites)
    failed = sum(suite.failed or int(not suite.good) for suite in suites)
    return f"parlor: {passed} passed, {failed} failed"


def remembered() -> dict[str, Suite]:
    """The newest result of each suite, for the line that closes a build server's run."""
    try:
        return {word: Suite(**told) for word, told in json.loads(MEMORY.read_text()).items()}
    except (OSError, ValueError, TypeError):
        return {}


def main() -> int:
    chosen = sys.argv[1:] or list(ORDINARY)
    if chosen == ["total"]:
        say(closing_line(list(remembered().values())))
        return 0
    RESULTS.mkdir(parents=True, exist_ok=True)
    suites = {}
    for word in chosen:
        title, run = SUITES[word]
        headline(title)
        started = time.monotonic()
        suites[word] = run()
        suites[word].seconds = time.monotonic() - started
    code = report(list(suites.values()), strict=wants_everything())
    memory = {word: asdict(suite) for word, suite in (remembered() | suites).items()}
    mark(MEMORY, json.dumps(memory, indent=1))
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
