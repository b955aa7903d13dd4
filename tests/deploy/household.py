"""The people of the lab: an owner with a browser that trusts the house's own authority."""

import json
import re
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.deploy.lab.lab import Lab

_TOKEN_SECONDS = 600
"""A token lives for 15 minutes."""
PASSWORD = "a long walk in the lab"


@dataclass(frozen=True)
class Answer:
    text: str
    conversation: str
    tools: list[str]
    """What each tool gave back."""


@dataclass
class Household:
    lab: Lab
    context: ssl.SSLContext
    token: str
    signed_in_at: float = 0.0

    @classmethod
    def set_up(cls, lab: Lab, output: str) -> Self:
        """The owner, made by the one-time link that the playbook printed."""
        link = re.search(r"(https://[^/\s]+)/setup#code=([\w-]+)", output)
        assert link, output[-3000:]
        household = cls(lab, cls.trusting(lab), "")
        with household.client() as client:
            given = {"username": "anna", "password": PASSWORD}
            made = client.post("/api/auth/register", json={**given, "code": link[2]})
            assert made.status_code == 201, made.text
        household.sign_in()
        return household

    @staticmethod
    def trusting(lab: Lab) -> ssl.SSLContext:
        """The house's authority, and nobody else."""
        authority = lab.hosts["app"].execute("cat", "/etc/parlor/certs/authority.crt")
        return ssl.create_default_context(cadata=authority)

    @staticmethod
    def trusting_file(folder: Path) -> ssl.SSLContext:
        """The authority of a folder that was made by hand."""
        return ssl.create_default_context(cafile=folder / "authority.crt")

    @property
    def address(self) -> str:
        return f"https://{self.lab.hosts['app'].address}:8000"

    def client(self) -> httpx2.Client:
        if self.token and time.monotonic() - self.signed_in_at > _TOKEN_SECONDS:
            self.sign_in()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx2.Client(
            base_url=self.address, verify=self.context, headers=headers, timeout=30
        )

    def sign_in(self) -> None:
        self.token = ""
        with self.client() as client:
            given = {"username": "anna", "password": PASSWORD, "mode": "token"}
            answer = client.post("/api/auth/login", json=given)
            assert answer.status_code == 200, answer.text
            self.token = answer.json()["access_token"]
            self.signed_in_at = time.monotonic()

    def ask(self, question: str, model: str | None = None) -> Answer:
        """A whole turn."""
        message = {"messages": [{"role": "user", "content": question}], "model": model}
        with (
            self.client() as client,
            client.stream("POST", "/api/chat/stream", json=message) as got,
        ):
            assert got.status_code == 200, got.read()
            events = [json.loads(line[6:]) for line in got.iter_lines() if line[:6] == "data: "]
            conversation = got.headers["x-conversation-id"]
        assert events[-1]["type"] == "turn.finished", events[-3:]
        assert events[-1]["status"] == "completed", events[-3:]
        said = "".join(event["text"] for event in events if event["type"] == "text.delta")
        results = [event["result"] for event in events if event["type"] == "tool.finished"]
        return Answer(said, conversation, results)

    def conversations(self) -> list[str]:
        found: list[str] = []
        cursor = None
        with self.client() as client:
            while True:
                query: dict[str, Any] = {"limit": 200} | ({"cursor": cursor} if cursor else {})
                page = client.get("/api/conversations", params=query).json()
                found += [one["id"] for one in page["conversations"]]
                cursor = page["next_cursor"]
                if not cursor:
                    return found

    def version(self) -> str:
        with self.client() as client:
            return str(client.get("/health").json()["version"])
