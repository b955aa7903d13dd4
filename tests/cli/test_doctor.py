"""`parlor doctor`: each thing broken on purpose, and what is said to do about it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import HttpUrl, SecretStr

from backend.cli import doctor_outside as outside
from backend.cli.doctor_finding import Finding
from backend.settings import Settings
from backend.toolbox.records import Address, ServerDefinition
from tests.cli.conftest import Run, started
from tests.conftest import make_settings
from tests.fakes.clock import StillClock
from tests.fakes.site import Asked, FakeSite, Reply


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as made:
        yield made


def with_url(settings: Settings, url: str, part: str = "edge") -> Settings:
    fields = {"edge": {"public_url": HttpUrl(url)}}
    fields["openrouter"] = {"api_key": SecretStr("sk-x"), "base_url": HttpUrl(url)}
    changed = getattr(settings, part).model_copy(update=fields[part])
    return settings.model_copy(update={part: changed})


async def test_a_name_that_nobody_knows_is_told_with_where_to_look(tmp_path: Path) -> None:
    # Too long for a name: refused before anybody is asked.
    unknown = f"{'x' * 70}.test"
    settings = with_url(make_settings(tmp_path), "https://192.0.2.1/")
    servers = [
        ServerDefinition("a", "file", Address(f"http://{unknown}:9001/mcp")),
        ServerDefinition("b", "file", Address("http://127.0.0.1:9001/mcp")),
        ServerDefinition("c", "file", Address("http://[::1]:9001/mcp")),
        ServerDefinition("d", "file", Address("http://localhost:9001/mcp")),
    ]
    names = outside.names_asked_for(settings, servers)
    assert names == {unknown}
    finding = await outside.check_names(names)
    assert finding.well is False
    assert "/etc/resolv.conf" in finding.words
    assert (await outside.check_names(set())).well is None


@pytest.mark.parametrize(
    ("hours", "well", "words"),
    [(0, True, "as 127.0.0.1"), (3, False, "10800 s behind"), (-3, False, "10800 s ahead")],
)
async def test_a_clock_that_is_wrong_is_told_by_what_others_answer_anyway(
    hours: int, well: bool, words: str, clock: StillClock, tmp_path: Path
) -> None:
    theirs = format_datetime(clock.now() + timedelta(hours=hours), usegmt=True)
    times = outside.Times(clock)
    hooks = {"response": [times.hear]}
    async with (
        FakeSite(lambda asked: Reply(headers={"Date": theirs})) as site,
        httpx2.AsyncClient(trust_env=False, timeout=5, event_hooks=hooks) as client,
    ):
        await outside.check_way_in(client, with_url(make_settings(tmp_path), site.url))
        assert len(site.asked) == 1
    finding = times.finding()
    assert (finding.well, words in finding.words) == (well, True)


async def test_without_anybody_to_compare_with_the_clock_is_only_shown(clock: StillClock) -> None:
    times = outside.Times(clock)
    await times.hear(httpx2.Response(200, headers={"Date": "yesterday"}))
    finding = times.finding()
    assert (finding.well, "2026-11-20 12:00" in finding.words) == (None, True)


MODELS = {"data": [{"id": "vendor/model", "name": "Model"}]}


@pytest.mark.parametrize(
    ("status", "told", "well", "words"),
    [
        (200, {"data": {"limit_remaining": None}}, True, "accepted"),
        (200, {"data": {"limit_remaining": 2.5}}, True, "accepted"),
        (200, {"data": {"limit_remaining": 0}}, False, "used up"),
        (401, {"error": {"code": 401}}, False, "OPENROUTER_API_KEY is not accepted"),
        (404, {}, None, "nothing is said"),
        (200, None, False, "could not be checked"),
    ],
)
async def test_a_key_that_is_not_accepted_shows_though_the_list_of_models_comes(
    status: int,
    told: object,
    well: bool | None,
    words: str,
    client: httpx2.AsyncClient,
    tmp_path: Path,
) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/api/v1/key":
            body = b"<html>" if told is None else json.dumps(told).encode()
            return Reply(status, body)
        return Reply(body=json.dumps(MODELS).encode(), headers={"content-type": "application/json"})

    async with FakeSite(answer) as site:
        settings = with_url(make_settings(tmp_path), f"{site.url}/api/v1", "openrouter")
        *_, finding = await outside.check_providers(client, settings)
        keys = {one.headers["authorization"] for one in site.asked if one.path.endswith("/key")}
    assert keys == {"Bearer sk-x"}
    assert (finding.what, finding.well) == ("provider key", well)
    assert words in finding.words


@pytest.mark.parametrize(
    ("reply", "well", "words"),
    [
        (Reply(body=b'{"version": "1"}'), True, "http://127.0.0.1"),
        (Reply(530), False, "systemctl status parlor-tunnel"),
        (Reply(502), False, "its tunnel is not connected"),
        (Reply(body=b"<html>parked"), False, "not as Parlor does"),
        (
            Reply(302, headers={"Location": "https://x.cloudflareaccess.com/in"}),
            True,
            "behind Cloudflare Access",
        ),
        (Reply(302, headers={"Location": "https://elsewhere.example"}), False, "answered 302"),
    ],
)
async def test_the_way_in_is_tried_as_somebody_outside_would(
    reply: Reply, well: bool, words: str, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    async with FakeSite(lambda asked: reply) as site:
        finding = await outside.check_way_in(client, with_url(make_settings(tmp_path), site.url))
    assert (finding.well, words in finding.words) == (well, True), finding


async def test_a_way_in_that_is_not_there_is_told_and_none_is_no_illness(
    client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    none = await outside.check_way_in(client, make_settings(tmp_path))
    assert none.well is None
    gone = await outside.check_way_in(
        client, with_url(make_settings(tmp_path), "http://127.0.0.1:9")
    )
    assert (gone.well, "DNS record" in gone.words) == (False, True)


def test_a_line_says_first_how_it_is() -> None:
    assert str(Finding(True, "disk", "enough room")).startswith("ok     disk  ")
    assert str(Finding(False, "disk", "full")).startswith("WRONG  disk  ")
    assert str(Finding(None, "hint", "x")).startswith("-      hint  ")


def test_it_works_beside_a_running_server_and_changes_nothing(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    servers = [{"id": "attic", "url": "http://127.0.0.1:9/mcp"}]
    (state / "mcp_servers.json").write_text(json.dumps({"servers": servers}))
    with started(environment, tmp_path) as server:
        server.make_owner()
        before = contents(state)
        told = run("doctor")
        assert told.returncode == 1
        lines = {line.split()[1]: line for line in told.stdout.splitlines()}
        assert lines["database"].startswith("ok")
        assert "1 people" in lines["database"]
        assert lines["tools"].startswith("WRONG  tools attic")
        assert "systemctl status parlor-mcp" in lines["tools"]
        assert contents(state) == before
        with httpx2.Client(base_url=server.address) as browser:
            assert browser.get("/health").status_code == 200


def contents(state: Path) -> dict[str, Any]:
    """But SQLite's own, which the server writes at any time."""
    files = (path for path in state.rglob("*") if path.is_file() and "parlor.db" not in path.name)
    return {path.name: path.read_bytes() for path in files}
