"""The set-up's own judgement: which interpreter works, what is installed, what a runner said."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture import tree

VITEST = """\
 Test Files  1 failed | 3 passed (4)
      Tests  2 failed | 40 passed | 1 skipped (43)
   Start at  10:00:00
"""
PLAYWRIGHT = """\
Running 12 tests using 2 workers
  1) chat.spec.ts:3:1 a chat
  1 failed
    chat.spec.ts:3:1 a chat
  2 did not run
  9 passed (3.2m)
"""


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module of .make as its own scripts do."""
    monkeypatch.syspath_prepend(str(tree.ROOT / ".make"))
    return importlib.import_module


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_what_the_front_ends_runners_counted_is_read(part) -> None:
    runner = part("run_tests")
    vitest, playwright = runner.Suite("vitest"), runner.Suite("playwright")
    runner.count(VITEST.splitlines(), vitest)
    runner.count(PLAYWRIGHT.splitlines(), playwright)
    assert (vitest.passed, vitest.failed, vitest.skipped) == (40, 2, 1)
    assert (playwright.passed, playwright.failed, playwright.skipped) == (9, 1, 2)


def test_a_suite_that_could_not_run_fails_only_where_everything_is_required(part, capsys) -> None:
    runner = part("run_tests")
    missing = [runner.Suite("browser tests", not_run="no Chromium")]
    assert runner.report(missing, strict=False) == 0
    assert runner.report(missing, strict=True) == 1
    assert "NOT RUN: browser tests: no Chromium" in capsys.readouterr().out


def test_a_dead_shim_in_front_does_not_hide_a_working_python(part, monkeypatch, tmp_path) -> None:
    program(tmp_path / "shims" / "python3.13", "#!/bin/sh\necho not active >&2\nexit 127\n")
    program(tmp_path / "real" / "python3.13", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{tmp_path / 'real'}")
    found = part("python_env").working_python()
    assert Path(found).resolve() == Path(sys.base_prefix, "bin", "python3.13").resolve()


def test_npm_packages_count_as_installed_when_every_needed_one_is_there(part, tmp_path) -> None:
    wanted = {
        "": {"name": "workspace"},
        "node_modules/@parlor/chat": {"resolved": "chat", "link": True},
        "node_modules/svelte": {"version": "5.0.0"},
        "node_modules/for-another-system": {"version": "1.0.0", "optional": True},
    }
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": wanted}))
    record = tmp_path / "node_modules" / ".package-lock.json"
    record.parent.mkdir()
    answers = []
    for there in ({}, {"svelte": "4.0.0"}, {"svelte": "5.0.0"}):
        packages = {f"node_modules/{name}": {"version": v} for name, v in there.items()}
        record.write_text(json.dumps({"packages": packages}))
        answers.append(part("web").installed(tmp_path))
    assert answers == [False, False, True]


def test_tools_are_taken_from_their_lock_with_their_hashes(part) -> None:
    steps = part("steps")
    lines = steps.locked(tree.ROOT / ".make" / "tools.lock", "uv").splitlines()
    assert lines[0].startswith("uv==")
    assert len(lines) > 1
    assert all(line.startswith("    --hash=sha256:") for line in lines[1:])
