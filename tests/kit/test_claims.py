"""Claims: one holder at a time, and none that is dead."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from backend.kit.claims import Claims

_HOLDER = """
import sys
from pathlib import Path
from backend.kit.claims import Claims
held = Claims(Path(sys.argv[1]))
print(held.take("a"), flush=True)
sys.stdin.read()
"""


def test_a_name_has_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "turns.lock"
    with closing(Claims(path)) as one, closing(Claims(path)) as other:
        assert one.take("a")
        assert one.take("a")
        assert not other.take("a")
        assert other.take("b")
        one.give_up("a")
        assert other.take("a")
    assert path.stat().st_size == 0


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "turns.lock"
    holder = [sys.executable, "-c", _HOLDER, str(path)]
    with (
        closing(Claims(path)) as mine,
        subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert not mine.take("a")
        process.kill()
        process.wait(5)
        assert mine.take("a")
