"""`make dev`: the backend, reloading, and the chat app's development server, ended together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import web
from python_env import VENV
from steps import ROOT, say


def main() -> int:
    backend = [VENV / "bin" / "uvicorn", "backend.app:create_app", "--factory", "--reload"]
    # The address that the development server of the front end passes requests on to.
    backend += ["--reload-dir", "backend", "--host", "127.0.0.1", "--port", "8000"]
    running = [subprocess.Popen([str(word) for word in backend], cwd=ROOT)]
    if web.exists():
        env = web.node_environment()
        running.append(subprocess.Popen(web.npm(env, "run", "dev"), cwd=web.WEB, env=env))
    link = [
        str(VENV / "bin" / "parlor"),
        "users",
        "setup-link",
        "--server",
        "http://localhost:5173",
    ]
    made = subprocess.run(link, cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode == 0:  # otherwise somebody is there already
        say(f"  make the owner: {made.stdout.strip()}")
    say("  Ctrl-C ends both")
    try:
        while all(process.poll() is None for process in running):
            time.sleep(0.3)
    except KeyboardInterrupt:
        pass
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in running:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
