"""Parlor as an OAuth server for its own `/mcp`: the suite's scenarios, and the TypeScript SDK's client
of both lines. The browser is played by the owner's session, which looks and says yes."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.conformance.own_endpoint import Endpoint

SCENARIOS = ("authorization-server-metadata-endpoint", "authorization-code-grant")
PORT = 13729
SIGN_IN = Path(__file__).with_name("sign_in.mjs")
_PASSED = re.compile(r"^✓ ([\w-]+): \d+ passed, 0 failed", re.MULTILINE)

type Result = tuple[str, str, bool]


@dataclass
class Authorization:
    modules: Path
    """Where npm has put the suite and what it brings."""

    def checked(self, ours: Endpoint) -> Iterator[Result]:
        base = ours.url.removesuffix("/mcp")
        with httpx2.Client(base_url=base, timeout=10, trust_env=False) as browser:
            who = {"username": "anna", "password": "correct horse", "mode": "session"}
            cookie = browser.post("/api/auth/login", json=who).cookies["parlor"]
            passed = set(_PASSED.findall(self._suite(ours, browser)))
            for scenario in SCENARIOS:
                yield "authorization", scenario, scenario in passed
        for version in ("1", "2"):
            found = self._typescript(version, ours, cookie)
            good = "chat.completions" in found.get("names", []) and found["refreshed"]
            yield "authorization", f"TypeScript SDK {version}: sign in, call, refresh", good

    def _suite(self, ours: Endpoint, browser: httpx2.Client) -> str:
        """What it says, all scenarios in one go: one builds on the other."""
        wanted = {
            "client_name": "the suite",
            "redirect_uris": [f"http://127.0.0.1:{PORT}/callback"],
        }
        client = browser.post("/oauth/register", json=wanted).json()["client_id"]
        words = ["--url", ours.url.removesuffix("/mcp"), "--resource", ours.url]
        process = subprocess.Popen(
            [
                *(str(self.modules / ".bin" / "conformance"), "authorization", *words),
                *("--client-id", client, "--port", str(PORT)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        too_late = Timer(60, process.kill)
        too_late.start()
        said = ""
        for line in process.stdout:
            said += line
            if "/authorize?" in line:
                _consent(browser, line.strip())
        process.wait()
        too_late.cancel()
        return said

    def _typescript(self, version: str, ours: Endpoint, cookie: str) -> dict[str, Any]:
        folder = str(self.modules / "@modelcontextprotocol")
        done = subprocess.run(
            ["node", str(SIGN_IN), folder, version, ours.url, cookie],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found


def _consent(browser: httpx2.Client, page: str) -> None:
    seen = browser.post("/api/auth/apps/look", json={"query": urlsplit(page).query}).json()
    decision = {"request": seen["request"], "allow": True}
    redirect = browser.post("/api/auth/apps/decide", json=decision).json()["redirect"]
    httpx2.get(redirect, trust_env=False)
