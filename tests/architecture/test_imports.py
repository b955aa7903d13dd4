"""Parts that must stay light, asked of a fresh interpreter."""

import json
import subprocess
import sys

from tests.architecture import tree

HEAVY = {"fastapi", "starlette", "mcp", "uvicorn", "aiohttp", "httpx2", "typer"}


def modules_after(statement: str) -> set[str]:
    code = f"{statement}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree.ROOT, stdout=subprocess.PIPE, check=True
    )
    return set(json.loads(done.stdout))


def roots(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def test_the_package_itself_imports_nothing() -> None:
    alone, with_backend = modules_after("pass"), modules_after("import backend")
    assert with_backend - alone == {"backend"}


def test_events_can_be_read_without_a_web_framework() -> None:
    assert roots(modules_after("import backend.chat.events")) & HEAVY == set()


def test_settings_can_be_read_without_a_web_framework() -> None:
    assert roots(modules_after("import backend.settings")) & HEAVY == set()


def test_the_terminal_starts_without_the_server() -> None:
    """`parlor version` must not wait for what only `serve` needs."""
    loaded = roots(modules_after("import backend.cli.main"))
    assert loaded & {"fastapi", "starlette", "mcp", "uvicorn", "aiohttp"} == set()
