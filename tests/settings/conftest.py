import os
from collections.abc import Callable
from pathlib import Path

import pytest

type SetAll = Callable[..., None]
PREFIXES = (
    "PARLOR_",
    "OPENROUTER_",
    "CHAT_",
    "MCP_SERVERS_",
    "STATE_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever this machine's environment says; and an empty working directory."""
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> SetAll:
    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The directory that systemd hands to a unit."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder
