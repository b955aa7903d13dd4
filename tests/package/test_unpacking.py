"""The file unpacks itself once, whole or not at all, and where nobody else can reach in."""

import fcntl
import subprocess
import sys
from pathlib import Path

from tests.package.conftest import Run


def unpacked(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("parlor-*"))


def test_starts_at_the_same_moment_unpack_once(file: Path, empty: Path, home: Path) -> None:
    env = {"HOME": str(home), "PARLOR_UNPACK_DIR": str(home / "here")}
    starts = [
        subprocess.Popen([sys.executable, file, "version"], cwd=empty, env=env) for _ in range(4)
    ]
    assert [process.wait(timeout=15) for process in starts] == [0, 0, 0, 0]
    assert len(unpacked(home / "here")) == 1


def test_what_a_killed_start_left_behind_is_cleared_away(run: Run, home: Path) -> None:
    half = home / ".new-1"
    (half / "backend").mkdir(parents=True)
    done = run("version", env={"PARLOR_UNPACK_DIR": str(home)})
    assert done.returncode == 0, done.stderr
    assert not half.exists()
    assert len(unpacked(home)) == 1


def test_older_versions_go_unless_something_runs_from_them(run: Run, home: Path) -> None:
    for name in ("parlor-0.0.1-unused", "parlor-0.0.2-running"):
        (home / name).mkdir()
        (home / name / ".in-use").touch()
    with (home / "parlor-0.0.2-running" / ".in-use").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        done = run("version", env={"PARLOR_UNPACK_DIR": str(home)})
    assert done.returncode == 0, done.stderr
    left = unpacked(home)
    assert "parlor-0.0.2-running" in left
    assert "parlor-0.0.1-unused" not in left


def test_a_folder_that_others_could_have_filled_is_refused(run: Run, home: Path) -> None:
    env = {"PARLOR_UNPACK_DIR": str(home)}
    run("version", env=env)
    (folder,) = home.glob("parlor-*")
    folder.chmod(0o777)
    done = run("version", env=env)
    assert done.returncode == 1
    assert "could have been changed by somebody else" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_was_unpacked_beside_the_file_is_used(
    file: Path, run: Run, home: Path, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    release.mkdir()
    copy = release / "parlor.pyz"
    copy.write_bytes(file.read_bytes())
    run("version", env={"PARLOR_UNPACK_DIR": str(release / "unpacked")})
    done = subprocess.run(
        [sys.executable, copy, "version"], cwd=tmp_path, env={"HOME": str(home)}, check=False
    )
    assert done.returncode == 0
    assert list(home.rglob("*")) == []


def test_packages_of_the_machine_are_not_imported(run: Run, home: Path) -> None:
    """Somebody's own `typer` in their user site must not replace ours."""
    site = home / ".local" / "lib" / "python3.13" / "site-packages"
    site.mkdir(parents=True)
    (site / "orjson.py").write_text("raise SystemExit('the wrong one')\n")
    (site / "typer.py").write_text("raise SystemExit('the wrong one')\n")
    done = run("version", env={"HOME": str(home)})
    assert done.returncode == 0, done.stderr
