"""`python3.13 parlor.pyz serve` is the whole installation, and it is quick and small."""

import os
import re
import sys
from pathlib import Path
from statistics import median

from tests.package.conftest import Run, Start

ROUNDS = 5
LARGEST = 20_000_000
FIRST_START = 4.0
IDLE_MEGABYTES = 110


def bare_app() -> list[str | Path]:
    """A FastAPI app with one route, started from the environment: the yardstick."""
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    return [sys.executable, "-m", "uvicorn", "tests.bench.bare:app", *options]


def test_the_file_is_small_enough(file: Path) -> None:
    assert file.stat().st_size <= LARGEST


def test_it_serves_from_an_empty_folder_with_an_empty_home_and_nothing_in_the_environment(
    file: Path, start: Start, home: Path
) -> None:
    server = start([sys.executable, file, "serve"], env={"HOME": str(home)})
    assert server.seconds <= FIRST_START
    status, page = server.get("/")
    assert status == 200
    assert b"<!doctype html" in page.lower()


def test_it_serves_without_any_home(file: Path, start: Start, empty: Path, home: Path) -> None:
    """It then unpacks into the state folder."""
    (home / "file").touch()
    start([sys.executable, file, "serve"], env={"HOME": str(home / "file" / "none")})
    assert list((empty / "data" / "unpacked").glob("parlor-*"))


def test_a_warm_start_takes_little_more_than_a_bare_app(
    file: Path, start: Start, home: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    bare_env = {"HOME": str(home), "PYTHONPATH": str(root)}
    command: list[str | Path] = [sys.executable, file, "serve"]
    start(command, env={"HOME": str(home)})
    start(bare_app(), env=bare_env)
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(start(command, env={"HOME": str(home)}).seconds)
        bare.append(start(bare_app(), env=bare_env).seconds)
    print(f"\nwarm start: {median(ours):.2f} s, bare app: {median(bare):.2f} s")
    assert median(ours) <= 1.2 * median(bare) + 0.5


def test_it_needs_little_memory_while_idle(file: Path, start: Start, home: Path) -> None:
    start([sys.executable, file, "serve"], env={"HOME": str(home)}).process.terminate()
    server = start([sys.executable, file, "serve"], env={"HOME": str(home)})
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    print(f"\nidle memory: {int(found[1]) / 1024:.0f} MB")
    assert int(found[1]) / 1024 <= IDLE_MEGABYTES


def test_a_small_command_does_not_wait_for_the_server_s_parts(run: Run, home: Path) -> None:
    done = run("version", env={"HOME": str(home), "PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_another_python_is_told_what_is_needed(file: Path, run: Run, home: Path) -> None:
    (home / "sitecustomize.py").write_text(
        "import sys\nsys.version_info = (3, 12, 0, 'final', 0)\n"
    )
    done = run("version", env={"HOME": str(home), "PYTHONPATH": str(home)})
    assert done.returncode == 1
    assert done.stderr.startswith("Parlor needs Python 3.13")
    assert done.stderr.count("\n") == 1
