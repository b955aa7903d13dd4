"""Servers and proxies that nobody here wrote: installed as they are, of fixed versions, each apart
from the others and from us."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".cache" / "conformance" / "peers"
NPM = (
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "supergateway@4.0.0",
)
PYPI = {
    "fetch": ("mcp-server-fetch==2026.10.24",),
    "time": ("mcp-server-time==2026.10.19",),
    "fetch-of-2025": ("mcp-server-fetch==2025.4.7", "mcp==1.12.4", "pydantic==2.11.7"),
    "time-of-2025": ("mcp-server-time==2025.9.25", "mcp==1.12.4", "pydantic==2.11.7"),
    "mcp-proxy": ("mcp-proxy==0.13.0", "mcp==1.30.0"),
}
"""Name -> what is in its environment, with the SDK that was there when it was made."""


def install() -> None:
    _npm()
    for name, wanted in PYPI.items():
        _python(name, wanted)


def node_program(name: str) -> str:
    return str(PEERS / "node" / "node_modules" / ".bin" / name)


def python_program(environment: str, name: str) -> str:
    return str(PEERS / environment / "bin" / name)


def _npm() -> None:
    folder = PEERS / "node"
    if _is_current(folder, NPM):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = ["npm", "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund"]
    _run([*words, "--ignore-scripts", *NPM])
    _mark(folder, NPM)


def _python(name: str, wanted: tuple[str, ...]) -> None:
    folder = PEERS / name
    if _is_current(folder, wanted):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = str(folder / "bin" / "python")
    private = ROOT / ".cache" / "uv" / "bin" / "uv"  # where the set-up puts one of its own
    if uv := shutil.which("uv") or (str(private) if private.exists() else None):
        _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--no-progress", "--python", python, *wanted])
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([python, "-m", "pip", "install", "--quiet", "--no-input", *wanted])
    _mark(folder, wanted)


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=PEERS, check=True, stdin=subprocess.DEVNULL)


def _is_current(folder: Path, wanted: tuple[str, ...]) -> bool:
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == "\n".join(wanted)


def _mark(folder: Path, wanted: tuple[str, ...]) -> None:
    (folder / "installed").write_text("\n".join(wanted))
