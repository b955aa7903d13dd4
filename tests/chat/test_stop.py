"""Stop closes the socket, cancels the tools and keeps what was shown."""

import asyncio
import threading

import pytest

from backend.chat.events import ToolStarted
from backend.chat.records import ToolPart
from backend.messages import ToolSpec
from backend.providers.base import TextDelta
from backend.toolbox.service import Tool, Toolbox
from tests.chat.routed import Routed
from tests.chat.talk import PATIENCE, shown
from tests.fakes.answers import (
    COMMENT,
    DONE,
    answer,
    broken,
    call,
    cut,
    finish,
    said,
    stall,
    text,
    usage,
)
from tests.fakes.scripted import text as script
from tests.fakes.waiting import until

SOON = 0.5


class Endless:
    """A tool that never answers."""

    def __init__(self) -> None:
        self.running = 0
        self.cancelled = 0

    async def run(self, *_: object) -> str:
        self.running += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "never"


@pytest.fixture
async def endless() -> Endless:
    return Endless()


@pytest.fixture
async def routed(settings, endless):
    spec = ToolSpec("endless", "Never answers.", {"type": "object", "properties": {}})
    crowd = settings.edge.model_copy(update={"streams_per_person": 200})
    settings = settings.model_copy(update={"edge": crowd})
    async with Routed.opened(settings, Toolbox([Tool(spec, endless.run)])) as opened:
        yield opened


def _calls(*names: str):
    chunks = [
        call("{}", index=index, call_id=f"c{index}", name=name) for index, name in enumerate(names)
    ]
    return answer(*chunks, finish("tool_calls"), usage(), DONE)


@pytest.mark.parametrize(
    "scenario", [stall(said("Once"), said(" upon")), stall(COMMENT), stall(head=False)]
)
async def test_the_upstream_sees_its_socket_closed(routed, scenario):
    routed.upstream.says(scenario)
    turn = await routed.talk.send("Go")
    await routed.upstream.has_requests(1)
    at = asyncio.get_running_loop().time()
    ended = await routed.talk.stop(turn)
    assert (await routed.upstream.has_closed()).at - at < SOON
    assert ended.status == "stopped"
    assert asyncio.get_running_loop().time() - at < SOON


async def test_running_tools_are_cancelled_and_shown_as_such(routed, endless):
    routed.upstream.says(_calls("endless", "endless"))
    turn = await routed.talk.send("Go")
    listening = asyncio.create_task(routed.talk.hear(turn))
    await until(lambda: endless.running == 2)
    at = asyncio.get_running_loop().time()
    await routed.talk.stop(turn)
    assert endless.cancelled == 2
    assert asyncio.get_running_loop().time() - at < SOON
    heard = await listening
    assert len(heard.of(ToolStarted)) == 2
    stored = await routed.talk.answer(turn)
    assert shown(stored) == shown(heard.reduced())
    assert [part.status for part in stored.parts if isinstance(part, ToolPart)] == ["cancelled"] * 2
    assert len(routed.upstream.chats) == 1  # the model was not asked again


async def test_the_socket_is_closed_when_stopped_after_a_tool_ran(routed):
    routed.upstream.says(_calls("unknown"), stall(said("Then")))
    turn = await routed.talk.send("Go")
    await routed.upstream.has_requests(2)
    at = asyncio.get_running_loop().time()
    await routed.talk.stop(turn)
    assert (await routed.upstream.has_closed()).at - at < SOON


async def test_what_is_stored_is_what_followers_were_shown(routed):
    routed.upstream.says(answer(*(said(f"{number} ") for number in range(5000)), delay=0.001))
    turn = await routed.talk.send("Count")
    early = asyncio.create_task(routed.talk.hear(turn))
    await routed.talk.hear_until(turn, 20)
    late = asyncio.create_task(routed.talk.hear(turn, 15))
    await routed.talk.stop(turn)
    heard, stored = await early, await routed.talk.answer(turn)
    assert heard.end.status == "stopped"
    assert heard.text.startswith("0 1 2 3 ")
    assert shown(stored) == shown(heard.reduced())
    assert (await late).events == heard.events[15:]
    assert (await routed.talk.hear(turn)).events == heard.events  # and later, from the disk


async def test_stopping_twice_or_after_the_end_is_harmless(routed):
    routed.upstream.says(stall(said("Once")))
    turn = await routed.talk.send("Go")
    await routed.upstream.has_requests(1)
    both = await asyncio.gather(routed.talk.stop(turn), routed.talk.stop(turn))
    assert both[0] == both[1]
    assert both[0].status == "stopped"
    assert await routed.talk.stop(turn) == both[0]
    routed.upstream.says(text("Whole."))
    heard = await routed.talk.say("More", to=turn.conversation_id)
    assert (await routed.talk.stop(heard.turn)).status == "completed"
    assert (await routed.talk.answer(heard.turn)).status == "complete"


async def test_an_answer_that_is_stopped_before_its_first_step_ends_as_well(
    talk, provider, services
):
    """A task that is cancelled before it has begun runs no line that could end the turn."""
    provider.says(script("Hi"), [asyncio.Event()])
    to = (await talk.say("Go")).turn.conversation_id

    async def delete_it_in_that_moment() -> None:
        while not services.turns.running_count:  # noqa: ASYNC110  # the very first moment
            await asyncio.sleep(0)
        await services.chat.delete(talk.owner_id, to)

    deleting = asyncio.create_task(delete_it_in_that_moment())
    await talk.send("More", to=to)
    async with asyncio.timeout(5):
        await deleting
    assert services.turns.running_count == 0
    assert len(provider.requests) == 1


async def test_a_turn_is_stopped_in_the_very_moment_it_begins(talk, provider, services):
    """Another tab may find it in the database before anybody runs it."""
    provider.says([TextDelta("Half"), asyncio.Event()])
    sending = asyncio.create_task(talk.send("Go"))
    while not services.turns._beginning:  # noqa: ASYNC110  # the very first moment
        await asyncio.sleep(0)
    (turn_id,) = services.turns._beginning
    ended = await services.chat.stop(talk.owner_id, turn_id)
    assert (ended.status, ended.id) == ("stopped", (await sending).id)


@pytest.mark.parametrize("which", ["conversation", "question"])
async def test_what_begins_in_the_moment_of_its_deletion_is_stopped(
    talk, provider, services, which
):
    """It would go on for nobody, and be paid."""
    provider.says(script("Hi"), [TextDelta("Half"), asyncio.Event()])
    first = (await talk.say("Go")).turn
    to, chat = first.conversation_id, services.chat
    waiting, held, go_on = services.database._changes, threading.Event(), threading.Event()
    holding = asyncio.create_task(
        services.database.write(lambda _: (held.set(), go_on.wait(PATIENCE)))
    )
    await until(held.is_set)
    sending = asyncio.create_task(talk.send("More", to=to))
    await until(lambda: waiting.qsize() == 1)
    deleting = asyncio.create_task(
        chat.delete(talk.owner_id, to)
        if which == "conversation"
        else chat.delete_message(talk.owner_id, to, first.parent_id)
    )
    await until(lambda: waiting.qsize() == 2)
    go_on.set()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(holding, sending, deleting)
    assert services.turns.running_count == 0


async def test_after_a_stop_the_conversation_goes_on(talk, provider):
    provider.says([TextDelta("Half"), asyncio.Event()], script(" whole"), script("Next"))
    turn = await talk.send("Go")
    await talk.hear_until(turn, 2)
    await talk.stop(turn)
    await talk.proceed(turn.conversation_id, turn.message_id)
    await talk.say("And?", to=turn.conversation_id)
    assert await talk.path(turn.conversation_id) == ["Go", "Half whole", "And?", "Next"]


async def test_what_a_stopped_answer_cost_is_asked_for_later(routed):
    books = {"id": "gen-1", "total_cost": 0.25, "native_tokens_prompt": 9}
    routed.upstream.generations["gen-1"] = books | {"native_tokens_completion": 2}
    routed.upstream.says(
        stall(said("Once")), answer(said(" upon"), finish(), usage(cost=0.5), DONE)
    )
    turn = await routed.talk.send("Go")
    await routed.talk.hear_until(turn, 2)
    assert (await routed.talk.stop(turn)).cost is None
    # Continued meanwhile: neither sum may swallow the other.
    await routed.talk.proceed(turn.conversation_id, turn.message_id)
    await until(lambda: any(one.path.endswith("/generation") for one in routed.upstream.requests))
    await costs_are_known(routed)
    assert (await routed.services.chat.turn(routed.talk.owner_id, turn.id)).cost == 0.25
    usage_now = (await routed.talk.answer(turn)).usage
    assert usage_now is not None
    assert (usage_now.cost, usage_now.prompt_tokens) == (0.75, 16)


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (cut(said("Once"), said(" upon")), "failed"),
        (answer(said("Once"), broken(502, "gone")), "failed"),
        (answer(said("Once"), finish(), DONE), "completed"),
    ],
)
async def test_whatever_ends_without_its_cost_is_looked_up(routed, scenario, status):
    """Words that came were paid for: a day's money counts them."""
    routed.upstream.generations["gen-1"] = {"id": "gen-1", "total_cost": 0.25}
    routed.upstream.says(scenario)
    heard = await routed.talk.say("Go")
    assert heard.end.status == status
    await costs_are_known(routed)
    assert (await routed.services.chat.turn(routed.talk.owner_id, heard.turn.id)).cost == 0.25


async def test_an_answer_whose_cost_is_known_is_not_charged_twice(routed, endless):
    routed.upstream.generations["gen-1"] = {"id": "gen-1", "total_cost": 0.25}
    chunk = call("{}", call_id="a", name="endless")
    routed.upstream.says(answer(chunk, finish("tool_calls"), usage(cost=0.25), DONE))
    turn = await routed.talk.send("Go")
    await until(lambda: endless.running)
    await routed.talk.stop(turn)
    names = [task.get_name() for task in routed.services.background._tasks]
    assert not [name for name in names if "cost of" in name]
    assert (await routed.talk.answer(turn)).usage.cost == 0.25


async def costs_are_known(routed: Routed) -> None:
    tasks = routed.services.background._tasks
    await until(lambda: not [task for task in tasks if "cost of" in task.get_name()])
