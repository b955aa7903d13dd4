"""The tool servers in the file: alone over pipes, and as entries of the registry file."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mcp import Client, StdioServerParameters

from tests.mcp_servers.pdf_files import pdf
from tests.package.conftest import Start

DEFINITIONS = {
    "servers": [
        {"id": "calculator", "module": "backend.mcp_servers.calculator"},
        {"id": "sums", "module": "backend.mcp_server"},
        {"id": "toolkit", "module": "backend.mcp_servers.sample_server"},
        {"id": "pdf", "module": "backend.mcp_servers.pdf"},
    ]
}


def test_the_pdf_server_and_the_process_that_reads_run_from_the_file(
    file: Path, home: Path, empty: Path
) -> None:
    (empty / "letter.pdf").write_bytes(pdf(["Dear household"]))
    env = {"HOME": str(home), "PARLOR_MCP_PDF_DIR": str(empty)}
    command = StdioServerParameters(
        command=sys.executable, args=[str(file), "mcp", "run", "pdf"], env=env, cwd=empty
    )

    async def read() -> str:
        async with Client(command) as client:
            result = await client.call_tool("read_pdf", {"source": "letter.pdf"})
            return str(result.structured_content)

    assert "Dear household" in asyncio.run(read())


def test_entries_by_module_run_from_the_file_without_unpacking_it_again(
    file: Path, start: Start, home: Path, empty: Path
) -> None:
    state = empty / "data"
    state.mkdir()
    (state / "mcp_servers.json").write_text(json.dumps(DEFINITIONS))
    server = start([sys.executable, file, "serve"], env={"HOME": str(home)})
    log = empty.parent / "server-0.log"
    _until(lambda: {"calculator", "sums", "toolkit", "pdf"} <= _ready(log))
    assert [folder.parent for folder in Path(empty.parent).glob("**/parlor-*/backend")] == list(
        (home / ".cache" / "parlor").glob("parlor-*")
    )
    children = _children(server.process.pid)
    assert len(children) == 4
    assert (state / "uploads").is_dir()  # the same folder, not one of the child's own
    assert not list((state / "tool_servers").glob("*/data"))
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    _until(lambda: not any(_runs(pid) for pid in children))


def _ready(log: Path) -> set[str]:
    found = set()
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry.get("event") == "tool_server" and entry.get("state") == "ready":
                found.add(entry["server"])
    return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
