"""The inspector's own command line against our servers: a client that nobody here wrote."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.own_endpoint import Endpoint

PARLOR = str(Path(sys.executable).with_name("parlor"))
VERSION = "inspector"

type Result = tuple[str, str, bool]


class Inspector:
    def __init__(self, program: Path) -> None:
        self._program = str(program)

    def listed(self, server: str, address: str) -> Iterator[Result]:
        """A server of ours: its tools are there, and their schemas suit every model."""
        command = [PARLOR, "mcp", "run", server]
        for over, target in {"HTTP": [address], "stdio": command}.items():
            found = self._said(*target, "--method", "tools/list", "--strict")
            yield VERSION, f"tools/list over {over}", bool(found.get("tools"))

    def used(self, ours: Endpoint) -> Iterator[Result]:
        """Parlor itself, with a key over HTTP and by way of `parlor mcp connect`."""
        http = [ours.url, "--transport", "http", "--header", f"Authorization: Bearer {ours.key}"]
        command = [PARLOR, "mcp", "connect", "--url", ours.url, "-e", f"PARLOR_API_KEY={ours.key}"]
        for over, target in {"HTTP": http, "the bridge": command}.items():
            yield from self._used(over, target)
        nobody = self._said(ours.url, "--method", "tools/list")
        yield VERSION, "no key, no tools", not nobody

    def _used(self, over: str, target: list[str]) -> Iterator[Result]:
        tools = self._said(*target, "--method", "tools/list", "--strict").get("tools", [])
        names = {tool["name"] for tool in tools}
        yield VERSION, f"tools/list over {over}", names >= {"chat.completions", "calculate"}
        asked = 'messages=[{"role": "user", "content": "hello"}]'
        said = self._called(target, "chat.completions", asked)
        yield VERSION, f"chat.completions over {over}", "demo" in said["message"]["content"]
        value = self._called(target, "calculate", "expression=6*7")["value"]
        yield VERSION, f"a household tool over {over}", value == "42"
        read = self._said(*target, "--method", "resources/read", "--uri", "parlor://models")
        yield VERSION, f"resources/read over {over}", "demo:parlor" in str(read.get("contents"))

    def _called(self, target: list[str], tool: str, argument: str) -> Any:
        words = ["--method", "tools/call", "--tool-name", tool, "--tool-arg", argument]
        return self._said(*target, *words)["structuredContent"]

    def _said(self, *words: str) -> Any:
        """What it prints; nothing when it fails."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [self._program, "--cli", *words],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": folder, "CI": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        return json.loads(done.stdout) if done.returncode == 0 else {}
