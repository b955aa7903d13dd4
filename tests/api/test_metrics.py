"""`/metrics` for whoever watches, and tool servers and backups in `/health/ready`."""

import asyncio
import dataclasses
import os
import re
from pathlib import Path

import httpx2
from fastapi import FastAPI

from backend.container import Services
from backend.ops.care import note
from backend.toolbox.connection import Connection
from backend.toolbox.records import Address, ServerDefinition, ServerState
from tests.api.serving import with_services
from tests.conftest import ORIGIN
from tests.fakes.scripted import ScriptedProvider, calls, text, tool
from tests.fakes.waiting import until

LINE = re.compile(r'parlor_[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+-]+')


async def ask(client: httpx2.AsyncClient, question: str) -> None:
    body = {"messages": [{"role": "user", "content": question}]}
    answer = await client.post("/api/chat/stream", json=body)
    assert answer.status_code == 200, answer.text


def values(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def test_a_key_that_may_read_gets_the_numbers_and_they_count_turns(
    client: httpx2.AsyncClient, services: Services, provider: ScriptedProvider
) -> None:
    """Of a turn that calls a tool that there is not, and one that goes wrong."""
    provider.says(calls(tool("nothing__here"), cost=0.5), text("Never", "mind", cost=0.25))
    wanted = {"name": "prometheus", "scopes": ["read"]}
    key = (await client.post("/api/auth/keys", json=wanted)).json()["secret"]
    await ask(client, "a question that nobody else shall read")
    await ask(client, "another one, and no answer was written for it")
    await until(lambda: services.turns.running_count == 0)
    headers = {"authorization": f"Bearer {key}", "cookie": ""}
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = values(answer.text)
    assert found['parlor_turns_total{status="completed"}'] == 1
    assert found['parlor_turns_total{status="failed"}'] == 1
    assert found['parlor_turns_total{status="stopped"}'] == 0
    assert found['parlor_tool_calls_total{outcome="error"}'] == 1
    assert found['parlor_tokens_total{kind="completion"}'] > 0
    assert found["parlor_cost_dollars_total"] == 0.75
    assert found["parlor_turns_running"] == 0
    assert found["parlor_database_bytes"] > 0
    assert found["parlor_memory_bytes"] > 1_000_000
    assert 'version="' in answer.text
    for word in ("question", "anna", "prometheus"):
        assert word not in answer.text


async def test_strangers_get_no_numbers(client: httpx2.AsyncClient) -> None:
    client.cookies.clear()
    for headers in ({}, {"authorization": "Bearer parlor_0123456789"}):
        assert (await client.get("/metrics", headers=headers)).status_code == 401


async def test_each_tool_server_is_named_and_none_of_them_decides_whether_parlor_is_ready(
    client: httpx2.AsyncClient, services: Services
) -> None:
    connections = services.tool_servers.connections
    for name in ("weather", "notes"):
        connections[name] = server(services, name)
    connections["notes"].state = ServerState("failed", services.clock.now(), "connection refused")
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert checks["tools/weather"] == {"ok": True, "detail": ""}
    assert checks["tools/notes"] == {"ok": False, "detail": "connection refused"}


def server(services: Services, name: str) -> Connection:
    async def closed() -> None:
        raise AssertionError

    definition = ServerDefinition(name, "file", Address("http://127.0.0.1:9/mcp"))
    return Connection(definition, closed, services.clock, lambda _: None)  # type: ignore[arg-type]


async def test_backups_their_copies_and_rehearsals_are_told_where_they_are_configured(
    app: FastAPI, services: Services, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    assert "backup" not in (await client.get("/health/ready")).json()["checks"]
    folder = tmp_path / "backups"
    await asyncio.to_thread(folder.mkdir)
    # Of one that is in use for long enough something is expected.
    await asyncio.to_thread(os.utime, services.settings.server.state_dir / "leader.lock", (0, 0))
    given = services.settings.backup.model_copy(update={"dir": folder, "copy_to": "/there"})
    settings = services.settings.model_copy(update={"backup": given})
    changed = with_services(app, dataclasses.replace(services, settings=settings))
    transport, cookies = httpx2.ASGITransport(changed), {"parlor": client.cookies["parlor"]}
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies) as watcher:
        told = await watcher.get("/health/ready")
        checks = told.json()["checks"]
        assert (told.status_code, checks["database"]["ok"]) == (200, True)
        assert "There is none" in checks["backup"]["detail"]
        assert "backup rehearse" in checks["rehearsal"]["detail"]
        assert "Nothing was copied to /there" in checks["copy"]["detail"]
        assert "parlor_backup_age_seconds" not in values((await watcher.get("/metrics")).text)
        state, clock = services.settings.server.state_dir, services.clock
        made = folder / f"parlor-{clock.now():%Y%m%dT%H%M%SZ}.tar.gz.enc"
        await asyncio.to_thread(made.touch)
        for duty in ("copy", "rehearsal"):
            await asyncio.to_thread(
                lambda duty=duty: note(state, duty, clock, about="x", words="fine", ok=True)
            )
        checks = (await watcher.get("/health/ready")).json()["checks"]
        assert [checks[part]["ok"] for part in ("backup", "copy", "rehearsal")] == [True] * 3
        found = values((await watcher.get("/metrics")).text)
        assert found["parlor_backup_age_seconds"] < 100
        assert found["parlor_rehearsal_age_seconds"] < 100
        assert found["parlor_backup_copy_age_seconds"] < 100
