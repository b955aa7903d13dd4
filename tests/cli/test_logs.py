"""What people write, and what must stay secret, never reaches the log: also not in an error."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.asking import events, say
from tests.cli.conftest import PASSWORD, Server, started
from tests.fakes.answers import DONE, answer, call, finish, refusal, said, text
from tests.fakes.upstream import FakeUpstream

MESSAGE, TITLE, ARGUMENT, RESULT, ANSWER, KEY = (
    f"kestrel{one}" for one in ("message", "title", "argument", "result", "answer", "key")
)
SECRETS = (MESSAGE, TITLE, ARGUMENT, RESULT, ANSWER, KEY, PASSWORD)


@pytest.fixture
async def upstream() -> AsyncGenerator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def talkative(
    upstream: FakeUpstream, environment: dict[str, str], tmp_path: Path
) -> AsyncGenerator[Server]:
    """A server that logs all it has, with a key, tools and a provider that is a socket."""
    environment |= {
        "PARLOR_LOG_LEVEL": "debug",
        "PARLOR_CHAT_DEMO_TOOLS": "true",
        "OPENROUTER_API_KEY": KEY,
        "OPENROUTER_BASE_URL": upstream.base_url,
        "OPENROUTER_DEFAULT_MODEL": "vendor/model",
    }
    starting = started(environment, tmp_path)
    server = await asyncio.to_thread(starting.__enter__)
    yield server
    await asyncio.to_thread(starting.__exit__, None, None, None)


@pytest.fixture
async def browser(talkative: Server) -> AsyncGenerator[httpx2.AsyncClient]:
    cookies = await asyncio.to_thread(talkative.make_owner)
    async with httpx2.AsyncClient(
        base_url=talkative.address, cookies=cookies, timeout=10
    ) as client:
        yield client


def break_a_message(database: Path) -> None:
    """A row that no release has written; reading it fails, and the failure quotes it."""
    with closing(sqlite3.connect(database)) as connection, connection:
        broken = f'[{{"type": "{MESSAGE}", "text": {{"{ANSWER}": '
        connection.execute("UPDATE messages SET parts = ?", (broken,))


async def test_no_word_of_a_conversation_and_no_secret_is_logged(
    upstream: FakeUpstream,
    talkative: Server,
    browser: httpx2.AsyncClient,
    environment: dict[str, str],
) -> None:
    arguments = f'{{"text": "{RESULT}", "{ARGUMENT}": 1}}'
    upstream.says(
        answer(
            call(arguments, call_id="c1", name="demo_echo"),
            call(f"{{{ARGUMENT}", index=1, call_id="c2", name="demo_wait"),
            finish("tool_calls"),
            DONE,
        ),
        text(ANSWER),
        refusal(400, f"the message {MESSAGE} with {KEY} is not liked"),
        answer(said(ANSWER), b"data: {" + ANSWER.encode() + b"\n\n", DONE),
    )
    first = await say(browser, f"{MESSAGE} please")
    assert RESULT in first.text
    assert ANSWER in first.text
    conversation = first.headers["x-conversation-id"]
    await browser.patch(f"/api/conversations/{conversation}", json={"title": TITLE})
    for _ in range(2):
        failed = await say(browser, MESSAGE, conversation_id=conversation)
        assert events(failed)[-1]["status"] == "failed"
    for body in (b'{"messages": "' + MESSAGE.encode(), b'{"' + MESSAGE.encode() + b'": 1}'):
        assert (await browser.post("/api/chat/stream", content=body)).status_code in (400, 422)
    await browser.get("/api/conversations", params={"q": MESSAGE})
    await browser.post("/api/auth/login", json={"username": "anna", "password": PASSWORD + "x"})

    state = Path(environment["PARLOR_STATE_DIR"])
    await asyncio.to_thread(break_a_message, state / "parlor.db")
    broken: list[Any] = [
        await browser.get(f"/api/conversations/{conversation}"),
        await say(browser, MESSAGE, conversation_id=conversation),
    ]
    assert broken[0].status_code == 500
    assert MESSAGE not in broken[0].text

    assert "request_failed" in talkative.stderr
    everything = talkative.stderr + talkative.stdout
    assert [secret for secret in SECRETS if secret in everything] == []
    assert browser.cookies["parlor"] not in everything
