"""Money a day: refused from local midnight to local midnight, and nothing that was spent is forgotten."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.chat.events import Notice
from backend.container import Services
from backend.settings import Settings
from tests.chat.limited import person, refused, services_in_berlin
from tests.fakes.clock import StillClock
from tests.fakes.scripted import ScriptedProvider, calls, text, tool
from tests.fakes.waiting import until


@pytest.fixture
async def services(
    settings: Settings, provider: ScriptedProvider, clock: StillClock
) -> AsyncGenerator[Services]:
    async with services_in_berlin(settings, provider, clock) as opened:
        yield opened


async def test_a_cap_of_zero_is_refused_with_plain_words(services: Services) -> None:
    mia = await person(services, dollars_a_day=0)
    await refused(mia, "daily_budget_reached", r"allowance is 0\.00 \$ a day")


async def test_a_used_up_day_is_refused_until_local_midnight(
    services: Services, clock: StillClock, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("One", cost=0.3), text("Two", cost=0.2), text("Three", cost=0.1))
    await mia.say("First")
    await mia.say("Second")
    words = r"Your allowance for today \(\$0\.50\) is used up\. It starts anew at midnight\."
    await refused(mia, "daily_budget_reached", words)
    clock.forward(hours=10, seconds=3599)
    await refused(mia, "daily_budget_reached")  # 23:59:59 in Berlin
    clock.forward(seconds=1)
    assert (await mia.say("Third")).text == "Three"
    assert await services.allowance.spent_today() == {mia.owner_id: pytest.approx(0.1)}


@pytest.mark.parametrize(
    ("noon", "hours_to_midnight"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 21.5),  # 1:30; the day has 23 hours
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 22.5),  # 2:30 for the first time; 25 hours
    ],
)
async def test_a_day_ends_at_midnight_also_when_clocks_change(
    services: Services,
    clock: StillClock,
    provider: ScriptedProvider,
    noon: datetime,
    hours_to_midnight: float,
) -> None:
    clock._moment = noon
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("One", cost=0.5), text("Two", cost=0.1))
    await mia.say("First")
    clock.forward(hours=hours_to_midnight, seconds=-1)
    await refused(mia, "daily_budget_reached")
    clock.forward(seconds=1)
    await mia.say("Second")


async def test_deleting_a_conversation_gives_no_money_back(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("One", cost=0.5))
    heard = await mia.say("First")
    assert heard.turn
    await services.chat.delete(mia.owner_id, heard.turn.conversation_id)
    await refused(mia, "daily_budget_reached")
    assert await services.allowance.spent_today() == {mia.owner_id: 0.5}


async def test_a_cost_that_comes_late_counts_even_when_its_turn_was_deleted(
    services: Services, provider: ScriptedProvider
) -> None:
    """Stop, delete, start anew would otherwise be free."""
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("One", cost=0.1))
    heard = await mia.say("First")
    turn = heard.turn
    assert turn
    await services.chat.delete(mia.owner_id, turn.conversation_id)
    usage = (await _usage(0.4)).usage
    assert not await services.chat._turns.add_usage(turn, mia.owner_id, usage)
    await refused(mia, "daily_budget_reached")


async def _usage(cost: float) -> Any:
    return next(step for step in text("", cost=cost) if hasattr(step, "usage"))


async def test_what_others_spent_or_somebody_spent_yesterday_does_not_count(
    services: Services, clock: StillClock, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    bob = await person(services, "bob")
    provider.always = text("Hi", cost=0.4)
    await mia.say("Yesterday")
    await bob.say("Mine")
    clock.forward(days=1)
    await bob.say("Mine")
    assert (await mia.say("Hello")).text == "Hi"


async def test_what_running_answers_have_cost_so_far_counts(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    go_on = asyncio.Event()
    said, used, end = text("One", cost=0.5)
    provider.says([said, used, go_on, end])
    turn = await mia.send("First")
    await mia.hear_until(turn, 3)
    await refused(mia, "daily_budget_reached")
    assert await services.allowance.spent_today() == {mia.owner_id: 0.5}
    go_on.set()
    assert (await mia.hear(turn)).end.status == "completed"  # it is not cut off


async def test_a_turn_pauses_where_the_day_s_money_ends(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("One", cost=0.3))
    await mia.say("First")
    provider.says(calls(tool("home_lights"), cost=0.2), text("never said"))
    heard = await mia.say("Second")
    assert heard.end.finish_reason == "cost_limit"
    assert [notice.code for notice in heard.of(Notice)] == ["cost_limit"]
    assert len(provider.requests) == 2


@pytest.mark.parametrize("chat_settings", [{"cost_limit": 0.1}])
async def test_the_cap_of_one_turn_holds_where_it_is_lower(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.says(calls(tool("home_lights"), cost=0.1), text("never said"))
    assert (await mia.say("Hello")).end.finish_reason == "cost_limit"


async def noted(services: Services) -> None:
    tasks = services.background._tasks
    await until(lambda: not [one for one in tasks if one.get_name().startswith("allowance")])


async def told(services: Services) -> list[tuple[str, str]]:
    page, _ = await services.audit.page(cursor=None, limit=50)
    return [
        (one.event.subject, one.event.detail)
        for one in page
        if one.event.kind == "budget_nearly_used"
    ]


async def test_the_owner_is_told_once_a_day_at_four_fifths(
    services: Services, clock: StillClock, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.always = text("Hi", cost=0.2)
    await mia.say("First")
    await noted(services)
    assert await told(services) == []
    for _ in range(2):
        await mia.say("More")
        await noted(services)
    await refused(mia, "daily_budget_reached")
    assert await told(services) == [("mia", "$0.40 of $0.50")]
    clock.forward(days=1)
    for _ in range(3):
        await mia.say("Next day")
        await noted(services)
    assert len(await told(services)) == 2


async def test_a_message_sent_again_is_the_same_turn_though_the_money_is_gone(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, dollars_a_day=0.5)
    provider.says(text("Hi", cost=0.5))
    heard = await mia.say("Hello", client_message_id="c1")
    assert heard.turn
    assert (await mia.send("Hello", client_message_id="c1")).id == heard.turn.id
    await refused(mia, "daily_budget_reached", client_message_id="c2")
