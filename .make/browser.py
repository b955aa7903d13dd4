"""Chromium for the browser tests: the machine's, else Debian's package."""

from __future__ import annotations

import os
import shutil

from steps import answers, run_quietly, say, timed

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SEARCHED = "the machine's " + ", ".join(NAMES) + ", $CHROMIUM, and Debian's package"


def _found() -> str | None:
    """A browser that really answers: on some systems the program is only a hint to install it."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        program = shutil.which(name) if name else None
        if program and answers([program, "--version"], seconds=60):
            return program
    return None


def chromium() -> tuple[str | None, str]:
    """The browser's path, or None and why there is none."""
    program = _found()
    if program:
        return program, ""
    if not shutil.which("apt-get"):
        return None, "no Chromium on this machine, and no apt-get to install it with"
    if os.geteuid() != 0:
        return None, "no Chromium on this machine; install it with: sudo apt install chromium"
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        with timed("Chromium (Debian's package)"):
            run_quietly(["apt-get", "update"], log="apt-update", env=env)
            run_quietly(
                ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
                log="apt-chromium",
                env=env,
            )
    except SystemExit as problem:
        say(str(problem))
        return None, "Debian's package chromium could not be installed (see above)"
    program = _found()
    return program, "" if program else f"none of these works: {SEARCHED}"
