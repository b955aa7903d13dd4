"""`setup.py WHAT...`: make a checkout ready. Each step that is done already is skipped.

run      what the product needs: Python packages of requirements.lock, the built front ends
dev      the same with the development packages
python   the development packages alone
npm      the front ends' packages alone
lock     compile the lock files again (UPGRADE=1: with newer versions)
node     print the folder of the Node that is used
"""

from __future__ import annotations

import os
import sys

import web
from python_env import compile_locks, python_packages
from steps import ROOT, one_at_a_time, stop


def _run() -> None:
    python_packages("run")
    if web.exists():
        web.front_ends()


def _dev() -> None:
    python_packages("dev")
    if web.exists():
        web.front_ends()


def _npm() -> None:
    if web.exists():
        web.npm_packages()


def _node() -> None:
    print(web.npm(web.node_environment())[0].rsplit("/", 1)[0], file=sys.__stdout__)


STEPS = {
    "run": _run,
    "dev": _dev,
    "python": lambda: python_packages("dev"),
    "npm": _npm,
    "lock": lambda: compile_locks(upgrade=os.environ.get("UPGRADE", "") not in ("", "0")),
    "node": _node,
}


def main() -> None:
    unknown = [word for word in sys.argv[1:] if word not in STEPS]
    if unknown or len(sys.argv) == 1:
        stop(f"say what to set up: {', '.join(STEPS)}")
    os.chdir(ROOT)
    if sys.argv[1:] == ["node"]:
        sys.stdout = sys.stderr  # the answer is read by a program, the progress by a person
    with one_at_a_time():
        for word in sys.argv[1:]:
            STEPS[word]()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
