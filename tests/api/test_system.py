"""`/api/system`: how this Parlor is, in words for its owner."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from backend.condition.measures import release_of, started_at
from backend.container import Services
from backend.kit.clock import SystemClock
from backend.ops.care import Duty, note
from backend.ops.certificates import CertificateFiles, ensure
from backend.settings import Settings
from backend.toolbox.connection import Connection
from backend.toolbox.records import Address, ServerDefinition, ServerState, StateName
from tests.api.asking import refused
from tests.api.serving import with_services
from tests.conftest import ORIGIN
from tests.fakes.clock import StillClock

type Told = dict[str, Any]
type Asked = Callable[..., Awaitable[Told]]


@pytest.fixture
async def told(
    app: FastAPI, services: Services, client: httpx2.AsyncClient
) -> AsyncGenerator[Asked]:
    """What the owner is told when these settings or services were different."""
    async with AsyncExitStack() as stack:

        async def ask(**changes: Any) -> Told:
            changed = with_services(app, dataclasses.replace(services, **changes))
            transport, cookies = httpx2.ASGITransport(changed), {"parlor": client.cookies["parlor"]}
            owner = await stack.enter_async_context(
                httpx2.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies)
            )
            answer = await owner.get("/api/system")
            assert answer.status_code == 200, answer.text
            found: Told = answer.json()
            return found

        yield ask


def check(found: Told, name: str) -> Told:
    one: Told = next(check for check in found["checks"] if check["id"] == name)
    assert set(one) == {"id", "title", "state", "words", "fix"}
    return one


def with_part(settings: Settings, part: str, **fields: object) -> Settings:
    changed = getattr(settings, part).model_copy(update=fields)
    return settings.model_copy(update={part: changed})


async def noted(services: Services, duty: Duty, *, ok: bool, words: str = "Fine.") -> None:
    state = services.settings.server.state_dir
    await asyncio.to_thread(
        lambda: note(state, duty, services.clock, about="one", words=words, ok=ok)
    )


async def test_a_parlor_without_backups_is_well_and_says_what_to_set(told: Asked) -> None:
    found = await told()
    assert [one for one in found["checks"] if one["state"] == "attention"] == []
    for name, setting in {
        "backup": "PARLOR_BACKUP_DIR",
        "certificate": "PARLOR_TLS_CERT",
    }.items():
        assert check(found, name)["state"] == "off"
        assert setting in check(found, name)["fix"]
    assert check(found, "disk")["state"] == check(found, "database")["state"] == "ok"
    none = {"configured": False, "last": None, "copy": None, "rehearsal": None}
    assert (found["backup"], found["certificate"], found["release"]) == (none, None, None)
    assert 0 < found["disk"]["free_bytes"] < found["disk"]["total_bytes"]
    assert found["database_bytes"] > 0
    assert (found["people"], found["conversations"]) == (1, 0)
    began = datetime.fromisoformat(found["started_at"])
    assert timedelta(0) < SystemClock().now() - began < timedelta(hours=2)


async def test_people_and_conversations_of_the_whole_household_are_counted(
    told: Asked, services: Services, bob: httpx2.AsyncClient
) -> None:
    for _ in range(2):
        assert (await bob.post("/api/conversations", json={})).status_code == 201
    found = await told()
    assert (found["people"], found["conversations"]) == (2, 2)


async def test_a_backup_that_failed_a_late_copy_and_an_old_rehearsal_say_what_to_do(
    told: Asked, services: Services, tmp_path: Path
) -> None:
    backup = {"dir": tmp_path / "backups", "copy_to": "/there"}
    settings = with_part(services.settings, "backup", **backup)
    settings = with_part(settings, "server", time_zone="Europe/Berlin")
    await asyncio.to_thread((tmp_path / "backups").mkdir)
    for duty in ("backup", "copy", "rehearsal"):
        await noted(services, duty, ok=True)
    made = tmp_path / "backups" / f"parlor-{services.clock.now():%Y%m%dT%H%M%SZ}.tar.gz.enc"
    await asyncio.to_thread(made.touch)
    well = await told(settings=settings)
    assert {check(well, name)["state"] for name in ("backup", "copy", "rehearsal")} == {"ok"}
    assert "encrypted" in check(well, "backup")["words"]
    assert well["backup"]["configured"] is True
    assert well["backup"]["rehearsal"]["ok"] is True

    await noted(services, "backup", ok=False, words="The disk is full.")
    later = StillClock(services.clock.now() + timedelta(days=20))
    ill = await told(settings=settings, clock=later)
    states = [check(ill, name)["state"] for name in ("backup", "copy", "rehearsal")]
    assert states == ["attention"] * 3
    assert "The disk is full." in check(ill, "backup")["words"]
    assert check(ill, "copy")["fix"] == "`parlor backup copy`."
    assert "`parlor backup rehearse`" in check(ill, "rehearsal")["fix"]
    assert " CE" in check(ill, "rehearsal")["words"]  # CET or CEST, not UTC
    last = ill["backup"]["last"]
    assert (last["ok"], last["words"]) == (False, "The disk is full.")
    assert last["good_at"] < last["at"]


async def test_of_a_restored_folder_the_newest_file_tells_when_it_was_made(
    told: Asked, services: Services, tmp_path: Path
) -> None:
    settings = with_part(services.settings, "backup", dir=tmp_path / "backups")
    await asyncio.to_thread((tmp_path / "backups").mkdir)
    leader = services.settings.server.state_dir / "leader.lock"
    await asyncio.to_thread(os.utime, leader, (0, 0))
    empty = await told(settings=settings)
    assert (empty["backup"]["last"], check(empty, "backup")["state"]) == (None, "attention")
    archive = tmp_path / "backups" / "parlor-20261119T030000Z.tar.gz"
    await asyncio.to_thread(archive.touch)
    clock = StillClock(datetime(2026, 11, 20, tzinfo=UTC))
    found = await told(settings=settings, clock=clock)
    at = "2026-11-19T03:00:00Z"
    assert found["backup"]["last"] == {"at": at, "ok": True, "words": "", "good_at": at}
    assert check(found, "backup")["state"] == "ok"
    assert check(found, "copy")["state"] == "off"


async def test_a_certificate_that_is_soon_over_needs_attention(
    told: Asked, services: Services, tmp_path: Path
) -> None:
    files = CertificateFiles(tmp_path / "certs")
    await asyncio.to_thread(ensure, files, ["localhost"], SystemClock())
    settings = with_part(services.settings, "server", tls_cert=files.server)
    found = await told(settings=settings)
    ends = datetime.fromisoformat(found["certificate"]["ends_at"])
    assert check(found, "certificate")["state"] == "ok"
    found = await told(settings=settings, clock=StillClock(ends - timedelta(days=10)))
    assert check(found, "certificate")["state"] == "attention"
    assert "`parlor certs make`" in check(found, "certificate")["fix"]
    await asyncio.to_thread(files.server.write_text, "not one")
    found = await told(settings=settings)
    assert found["certificate"] is None
    assert "not a certificate" in check(found, "certificate")["words"]


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("ready", "ok", "Connected."),
        ("connecting", "ok", "Connecting."),
        ("needs_sign_in", "ok", "Each person signs in for themselves."),
        ("off", "off", "Switched off."),
        ("failed", "attention", "It refused the connection."),
    ],
)
async def test_a_tool_server_needs_attention_only_when_it_failed(
    name: StateName, state: str, words: str, told: Asked, services: Services
) -> None:
    async def closed() -> None:
        raise AssertionError

    definition = ServerDefinition("attic-box", "person", Address("http://127.0.0.1:9/mcp"))
    server = Connection(definition, closed, services.clock, lambda _: None)  # type: ignore[arg-type]
    reason = words if name == "failed" else ""
    server.state = ServerState(name, services.clock.now(), reason)
    services.tool_servers.connections["attic-box"] = server
    found = check(await told(), "tools/attic-box")
    assert (found["title"], found["state"], found["words"]) == ("Tools: Attic box", state, words)


async def test_names_of_settings_that_nobody_knows_are_told(
    told: Asked, services: Services
) -> None:
    settings = services.settings.model_copy(update={"unknown_names": ("PARLOR_PROT",)})
    found = check(await told(settings=settings), "settings")
    assert (found["state"], "PARLOR_PROT" in found["words"]) == ("attention", True)


async def test_nobody_but_the_owner_is_told(
    bob: httpx2.AsyncClient, client: httpx2.AsyncClient
) -> None:
    refused(await bob.get("/api/system"), 403, "forbidden")
    client.cookies.clear()
    refused(await client.get("/api/system"), 401, "not_signed_in")


def test_a_deployed_program_knows_its_release_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "releases" / "0.1.0-0123abcd"
    folder.mkdir(parents=True)
    (folder / "parlor.pyz").touch()
    link = tmp_path / "current"
    link.symlink_to(folder)
    assert release_of(link / "parlor.pyz") == "0.1.0-0123abcd"
    assert release_of(tmp_path / "parlor.pyz") is None


def test_a_process_knows_since_when_it_runs() -> None:
    now = SystemClock().now()
    began = started_at(now)
    assert began
    assert timedelta(0) < now - began < timedelta(hours=2)
