"""The lab itself leaves the machine as it found it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import ROOT


def traces(word: str) -> list[str]:
    """Mounts, namespaces, control groups, folders and processes that have the word in their name."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found = [f"mount {line}" for line in mounts if word in line]
    for folder in (Path("/run"), Path("/run/netns"), Path("/run/lxc"), Path("/sys/fs/cgroup")):
        for depth in ("*", "*/*", "*/*/*"):
            found += [str(path) for path in folder.glob(depth) if word in path.name]
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = (proc / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in words and int(proc.name) != os.getpid():
            found.append(f"process {words!r}")
    return found


def test_a_lab_that_is_gone_left_no_trace_however_it_ended() -> None:
    word = "untraceable"
    lab = Lab(word)
    assert traces(word) == []
    command = [sys.executable, "-m", "tests.deploy.lab", "up"]
    environment = {**os.environ, "LAB": word}
    for patience in (None, 0.8):
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            if patience is None:
                assert process.wait(timeout=600) == 0
                assert traces(word)
            else:
                time.sleep(patience)
                process.send_signal(signal.SIGKILL)
        lab.down()
        until = time.monotonic() + 5
        while traces(word) and time.monotonic() < until:
            time.sleep(0.1)  # liblxc's monitors end by themselves
        assert traces(word) == []
