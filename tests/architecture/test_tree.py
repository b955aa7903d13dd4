"""What must never be committed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture import tree

TOP_LEVEL = {
    "backend",
    "frontend",
    "ansible",
    "systemd",
    "certs-example",
    "tests",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
    "requirements.lock",
    "requirements-deploy.lock",
    "requirements-dev.lock",
}
MADE_THINGS = re.compile(
    r"(^|/)(dist|node_modules|__pycache__|\.venv|data)/"
    r"|\.(log|db|db-wal|db-shm|sqlite3?|pyc|pyz|whl|pem|key|p12|pfx)$"
    r"|(^|/)(\.env|uv\.lock|id_rsa|id_ed25519)$"
)
# An address whose host serves packages, whoever runs it: installers are configured per machine.
PACKAGE_HOST = re.compile(
    r"https?://[\w.-]*(pypi|pythonhosted|npm|registry|artifactory|nexus|devpi|mirror)",
    re.IGNORECASE,
)
INDEX_OPTION = re.compile(
    r"^\s*(--)?(extra-)?(index-url|find-links|trusted-host|registry)\b\s*[=:\s]\s*\S", re.MULTILINE
)
PERSONAL_FOLDER = re.compile(r"(?<![\w$.{}-])/(home|Users)/[a-z][\w.-]*/")


def found(pattern: re.Pattern[str], paths: Iterator[Path] | None = None) -> list[str]:
    return [
        f"{tree.named(path)}:{number}"
        for path in (tree.files() if paths is None else paths)
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def locks() -> Iterator[Path]:
    return (path for path in tree.files() if path.suffix == ".lock")


def test_the_top_level_holds_what_the_design_names() -> None:
    top = {tree.named(path).split("/")[0] for path in tree.files()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_nothing_made_or_private_would_be_committed() -> None:
    names = [tree.named(path) for path in tree.files()]
    assert [name for name in names if MADE_THINGS.search(name)] == []


def test_no_text_names_a_host_that_serves_packages() -> None:
    assert found(PACKAGE_HOST) == []


def test_no_text_names_a_folder_of_this_machine() -> None:
    assert found(PERSONAL_FOLDER) == []
    here = str(tree.ROOT)
    if here.count("/") > 1:
        assert found(re.compile(re.escape(here) + r"\b")) == []


def test_python_locks_hold_hashes_and_no_addresses() -> None:
    for lock in locks():
        text = tree.text(lock)
        assert "://" not in text, tree.named(lock)
        assert not INDEX_OPTION.search(text), tree.named(lock)
        assert text.count("==") <= text.count("--hash=sha256:"), tree.named(lock)


def test_the_development_lock_holds_what_the_product_runs_on() -> None:
    """`make run` uses the development environment when it is there."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==[^ ;]+", tree.text(tree.ROOT / name), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_npm_locks_hold_hashes_and_no_addresses() -> None:
    for path in tree.files():
        if path.name != "package-lock.json":
            continue
        for name, entry in json.loads(tree.text(path))["packages"].items():
            if "node_modules/" not in name or entry.get("link"):
                continue
            assert "resolved" not in entry, name
            assert entry.get("integrity") or entry.get("extraneous"), name


def test_no_installer_is_pointed_at_an_index() -> None:
    configured = {".npmrc", "pip.conf", "uv.toml", "pyproject.toml", ".yarnrc.yml"}
    assert found(INDEX_OPTION, (path for path in tree.files() if path.name in configured)) == []


def test_the_build_server_runs_the_test_command_that_the_readme_names() -> None:
    section = tree.text(tree.ROOT / "README.md").split("\n## Test\n", 1)[1]
    command = re.findall(r"^    (\S.*)$", section, re.MULTILINE)[0]
    script = tree.text(tree.ROOT / ".ci" / "run").splitlines()
    assert any(re.fullmatch(rf"stage \w+ \d+ {re.escape(command)}", line) for line in script)
