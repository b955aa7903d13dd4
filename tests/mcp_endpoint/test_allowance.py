"""What a completion costs counts for the person's day, and what a person may not use stays shut."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from backend.auth.members import PersonChange
from backend.auth.people import Caller, Hours, Limits, User
from backend.chat.completion_schema import CompletionRequest
from backend.chat.completions import TooLongError
from backend.container import Services
from backend.messages import Generation, ModelInfo
from backend.providers.base import GenerationStarted, TextDelta
from tests.conftest import HERE, PASSWORD
from tests.fakes.scripted import MODEL, SECOND_MODEL, ScriptedProvider, Step, text
from tests.fakes.waiting import until
from tests.mcp_endpoint.programs import COMPLETIONS, Programs, answer, asking, completions_of, words

type Limited = Callable[..., Awaitable[User]]

PRICED = ModelInfo(
    id="priced", name="Priced", provider="scripted", prompt_price=0.0, completion_price=10.0
)


@pytest.fixture
async def limited(services: Services, owner: User) -> Limited:
    """A person with limits."""

    async def make(**limits: object) -> User:
        bob = await services.auth.add("bob", PASSWORD, "Bob", role="adult")
        change = PersonChange.model_validate({"limits": Limits.model_validate(limits)})
        caller = Caller(owner, "session", "session_of_a_test")
        await services.household.change(caller, bob.id, change, origin=HERE)
        return bob

    return make


async def spent(services: Services, user: User) -> float:
    return (await services.allowance.spent_today()).get(user.id, 0.0)


async def test_a_days_money_is_counted_and_then_it_is_over(
    programs: Programs, provider: ScriptedProvider, services: Services, limited: Limited
) -> None:
    bob = await limited(dollars_a_day=0.05)
    provider.always = text("dear", cost=0.03)
    async with programs.connected(await programs.key(user=bob)) as client:
        for _ in range(2):
            answer(await client.call_tool(COMPLETIONS, asking()))
        assert await spent(services, bob) == pytest.approx(0.06)
        assert "used up" in words(await client.call_tool(COMPLETIONS, asking()))
    assert len(provider.requests) == 2
    page, _ = await services.audit.page(cursor=None, limit=50)
    assert [one.event.kind for one in page].count("budget_nearly_used") == 1


async def test_many_calls_at_once_cannot_spend_a_days_money_twice(
    programs: Programs, provider: ScriptedProvider, services: Services, limited: Limited
) -> None:
    bob = await limited(dollars_a_day=0.05)
    provider.always = text("dear", cost=0.06)
    async with programs.connected(await programs.key(user=bob)) as client:
        calls = [client.call_tool(COMPLETIONS, asking()) for _ in range(4)]
        results = await asyncio.gather(*calls)
    assert sorted(result.is_error for result in results) == [False, True, True, True]
    assert len(provider.requests) == 1


async def test_an_answer_is_no_longer_than_what_the_rest_of_the_day_pays_for(
    programs: Programs, provider: ScriptedProvider, services: Services, limited: Limited
) -> None:
    provider.offered = (MODEL, SECOND_MODEL, PRICED)
    await services.catalog.refresh()
    bob = await limited(dollars_a_day=0.01)
    provider.always = text("brief", cost=0.009999)
    priced = {"model": "scripted:priced"}
    async with programs.connected(await programs.key(user=bob)) as client:
        answer(await client.call_tool(COMPLETIONS, asking(**priced, max_tokens=5000)))
        assert provider.requests[0].parameters.max_tokens == 1000
        said = words(await client.call_tool(COMPLETIONS, asking(**priced)))
    assert "not enough" in said
    assert len(provider.requests) == 1


async def test_who_hangs_up_pays_what_the_books_say(
    programs: Programs, provider: ScriptedProvider, services: Services, limited: Limited
) -> None:
    bob = await limited(dollars_a_day=1.0)
    provider.books["gen-1"] = Generation(id="gen-1", model="model", total_cost=0.4)
    begun: list[Step] = [GenerationStarted("gen-1"), TextDelta("so"), asyncio.Event()]
    provider.says(begun, text("next", cost=0.1))
    async with programs.connected(await programs.key(user=bob)) as client:
        call = asyncio.ensure_future(client.call_tool(COMPLETIONS, asking()))
        await provider.was_asked()
        call.cancel()
        await provider.is_idle()
        answer(await client.call_tool(COMPLETIONS, asking()))  # waits for the books
    assert await spent(services, bob) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("limits", "wish", "hint"),
    [
        ({"models": ["scripted:second"]}, {}, "may not use the model scripted:model"),
        ({"models": ["scripted:m*"]}, {"models": ["scripted:second"]}, "scripted:second"),
        ({"hours": ()}, {}, "switched off"),
        ({"dollars_a_day": 0}, {}, "0.00 $"),
        ({"hours": (Hours(start="00:00", end="00:00"),)}, {"model": "scripted:nope"}, "No prov"),
    ],
)
async def test_what_a_person_may_not_use_a_program_of_theirs_may_not_either(
    limits: dict[str, object],
    wish: dict[str, object],
    hint: str,
    programs: Programs,
    provider: ScriptedProvider,
    limited: Limited,
) -> None:
    bob = await limited(**limits)
    async with programs.connected(await programs.key(user=bob)) as client:
        assert hint in words(await client.call_tool(COMPLETIONS, asking() | wish))
    assert provider.requests == []


async def test_without_a_wish_the_model_is_one_that_this_person_may_use(
    programs: Programs, provider: ScriptedProvider, limited: Limited
) -> None:
    bob = await limited(models=("scripted:second",))
    provider.says(text("hi"))
    async with programs.connected(await programs.key(user=bob)) as client:
        wish = {"messages": [{"role": "user", "content": "hello"}]}
        assert answer(await client.call_tool(COMPLETIONS, wish))["model"] == "scripted:second"


async def test_an_answer_that_takes_for_ever_is_given_up(
    provider: ScriptedProvider, services: Services, owner: User
) -> None:
    completions = completions_of(services, seconds=0.05)
    provider.says([TextDelta("so"), asyncio.Event()])
    with pytest.raises(TooLongError, match=r"within 0\.05 seconds"):
        await completions.complete(owner, CompletionRequest.model_validate(asking()))
    await until(lambda: not provider.open)
