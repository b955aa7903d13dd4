"""Who holds the leader's lock on the app host: one process, whatever is being changed."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.deploy.lab.lab import Lab

_NOW = """
import os, pathlib, sys, time

def holders():
    try:
        inode = os.stat("/var/lib/parlor/leader.lock").st_ino
    except OSError:
        return []
    lines = map(str.split, pathlib.Path("/proc/locks").read_text().splitlines())
    return [one[4] for one in lines if one[1] == "FLOCK" and one[5].endswith(f":{inode}")]

"""
_FOR_A_WHILE = """
import json, select
seen = {"most": 0, "longest_without": 0.0, "looks": 0, "changes": 0}
led_at, before = time.monotonic(), None
print("looking", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    now, found = time.monotonic(), holders()
    seen["looks"] += 1
    seen["most"] = max(seen["most"], len(found))
    if found:
        seen["longest_without"] = max(seen["longest_without"], now - led_at)
        seen["changes"] += before not in (None, found)
        led_at, before = now, found
seen["longest_without"] = max(seen["longest_without"], time.monotonic() - led_at)
print(json.dumps(seen))
"""


@dataclass
class Leaders:
    most: int = 0
    """At the same moment."""
    longest_without: float = 0.0
    looks: int = 0
    changes: int = 0


def leaders_now(lab: Lab) -> list[str]:
    """Process ids."""
    script = _NOW + "print(*holders())"
    return lab.hosts["app"].execute("python3", "-c", script).split()


@contextmanager
def watched_leaders(lab: Lab) -> Iterator[Leaders]:
    """Looks fifty times a second; the answer is there after the block."""
    leaders = Leaders()
    command = lab.hosts["app"].command("python3", "-c", _NOW + _FOR_A_WHILE)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looking\n"
        yield leaders
        said, _ = process.communicate("\n", timeout=10)
    for name, value in json.loads(said).items():
        setattr(leaders, name, value)
