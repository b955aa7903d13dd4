"""What a person's limits allow is asked before a turn begins; what is refused leaves no trace."""

from collections.abc import AsyncGenerator

import pytest

from backend.auth.people import Hours, Limits
from backend.chat.allowance import NotAllowedError
from backend.chat.events import ToolFinished
from backend.chat.records import ConversationChange, ConversationMetadata
from backend.container import Services
from backend.settings import Settings
from tests.api.asking import stored
from tests.chat.limited import person, refused, services_in_berlin
from tests.fakes.clock import StillClock
from tests.fakes.scripted import ScriptedProvider, calls, text, tool

MODEL, SECOND = "scripted:model", "scripted:second"


@pytest.fixture
async def services(
    settings: Settings, provider: ScriptedProvider, clock: StillClock
) -> AsyncGenerator[Services]:
    async with services_in_berlin(settings, provider, clock) as opened:
        yield opened


def hours(start: str, end: str) -> Hours:
    return Hours(start=start, end=end)


# --- models --------------------------------------------------------------------------------------


async def test_only_allowed_models_answer(services: Services, provider: ScriptedProvider) -> None:
    mia = await person(services, models=("*:second",))
    await refused(mia, "model_not_allowed", "model scripted:model", model=MODEL)
    provider.says(text("Hi"))
    assert (await mia.say("Hello", model=SECOND)).text == "Hi"


async def test_without_a_choice_a_model_that_is_allowed_answers(
    services: Services, provider: ScriptedProvider
) -> None:
    assert services.catalog.default_model == MODEL
    mia = await person(services, models=("*second",))
    provider.says(text("Hi"))
    heard = await mia.say("Hello")
    assert heard.turn
    assert heard.turn.model == SECOND
    assert services.allowance.default_model(mia.owner) == SECOND


async def test_the_model_that_a_conversation_remembers_must_be_allowed_still(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services)
    provider.says(text("Hi"), text("Again"))
    heard = await mia.say("Hello", model=MODEL)
    assert heard.turn
    to = heard.turn.conversation_id
    mia.owner = mia.owner.model_copy(update={"limits": Limits(models=(SECOND,))})
    await refused(mia, "model_not_allowed", to=to)
    with pytest.raises(NotAllowedError):
        await mia.regenerate(to, heard.turn.message_id)
    await mia.regenerate(to, heard.turn.message_id, SECOND)


async def test_an_empty_list_of_models_allows_none(services: Services) -> None:
    await refused(await person(services, models=()), "model_not_allowed")


async def test_a_model_that_is_not_allowed_cannot_be_remembered(services: Services) -> None:
    mia = await person(services, models=(SECOND,))
    made = await services.chat.create(mia.owner, ConversationChange(title="One"))
    before = await stored(services)
    with pytest.raises(NotAllowedError):
        await services.chat.create(mia.owner, ConversationChange(model=MODEL))
    with pytest.raises(NotAllowedError):
        await services.chat.update(mia.owner, made.id, ConversationChange(model=MODEL))
    assert await stored(services) == before


async def test_the_list_shows_what_may_be_used(services: Services) -> None:
    mia = await person(services, models=("*second", "demo:*"))
    shown = services.allowance.models(mia.owner, search="", tools_only=False)
    assert {one.id for one in shown} == {SECOND, "demo:parlor"}


# --- hours ---------------------------------------------------------------------------------------


async def test_outside_the_hours_nothing_begins_and_the_words_say_when_it_goes_on(
    services: Services, clock: StillClock, provider: ScriptedProvider
) -> None:
    mia = await person(services, hours=(hours("15:00", "18:00"), hours("19:00", "19:30")))
    words = "from 15:00 to 18:00 and from 19:00 to 19:30; it is 13:00 now. It goes on at 15:00"
    await refused(mia, "outside_hours", words)
    clock.forward(hours=2)
    provider.says(text("Hi"))
    heard = await mia.say("Hello")
    clock.forward(hours=3)
    assert heard.turn
    await refused(mia, "outside_hours", "goes on at 19:00", to=heard.turn.conversation_id)


async def test_regenerating_and_continuing_are_turns_like_any_other(
    services: Services, clock: StillClock, provider: ScriptedProvider
) -> None:
    mia = await person(services, hours=(hours("12:00", "14:00"),))
    provider.says(text("Half", reason="length"))
    heard = await mia.say("Hello")
    assert heard.turn
    clock.forward(hours=1)
    before = await stored(services)
    for again in (mia.regenerate, mia.proceed):
        with pytest.raises(NotAllowedError) as caught:
            await again(heard.turn.conversation_id, heard.turn.message_id)
        assert caught.value.code == "outside_hours"
    assert await stored(services) == before


async def test_no_hours_at_all_means_never(services: Services) -> None:
    await refused(await person(services, hours=()), "outside_hours", "switched off")


# --- tools ---------------------------------------------------------------------------------------


async def test_tools_that_are_not_allowed_are_neither_offered_nor_run(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, tools=("home_*",))
    provider.says(calls(tool("mail_send"), tool("home_lights")), text("Well"))
    heard = await mia.say("Hello")
    assert [spec.name for spec in provider.requests[0].tools] == ["home_lights"]
    results = {one.call_id: (one.status, one.result) for one in heard.of(ToolFinished)}
    assert results["call_mail_send"] == ("error", "There is no tool named mail_send.")
    assert results["call_home_lights"] == ("ok", "done")


async def test_an_empty_list_of_tools_offers_none(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.says(text("Hi"))
    await (await person(services, tools=())).say("Hello")
    assert provider.requests[0].tools == ()


# --- products and agents -------------------------------------------------------------------------


async def test_products_and_agents_that_are_not_allowed_are_refused(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services, products=("home-*",), agents=())
    foreign = ConversationMetadata(product_id="office")
    await refused(mia, "product_not_allowed", "product office", metadata=foreign)
    agent = ConversationMetadata(product_id="home-1", agent_id="cook")
    await refused(mia, "agent_not_allowed", "agent cook", metadata=agent)
    before = await stored(services)
    for metadata, code in ((foreign, "product_not_allowed"), (agent, "agent_not_allowed")):
        with pytest.raises(NotAllowedError) as caught:
            await services.chat.create(mia.owner, ConversationChange(metadata=metadata))
        assert caught.value.code == code
    assert await stored(services) == before
    provider.says(text("Hi"))
    heard = await mia.say("Hello", metadata=ConversationMetadata(product_id="home-1"))
    assert heard.turn
    conversation = await mia.conversation(heard.turn.conversation_id)
    assert conversation.metadata == ConversationMetadata(product_id="home-1")


async def test_what_a_conversation_was_made_for_is_asked_at_every_turn(
    services: Services, provider: ScriptedProvider
) -> None:
    mia = await person(services)
    provider.says(text("Hi"))
    heard = await mia.say("Hello", metadata=ConversationMetadata(agent_id="cook"))
    assert heard.turn
    mia.owner = mia.owner.model_copy(update={"limits": Limits(agents=("butler",))})
    await refused(mia, "agent_not_allowed", to=heard.turn.conversation_id)


async def test_metadata_changes_as_a_whole(services: Services) -> None:
    mia = await person(services)
    both = ConversationMetadata(product_id="p", agent_id="a")
    made = await services.chat.create(mia.owner, ConversationChange(metadata=both))
    assert made.metadata == both
    await services.chat.update(mia.owner, made.id, ConversationChange(title="New"))
    assert (await mia.conversation(made.id)).metadata == both
    change = ConversationChange(metadata=ConversationMetadata(agent_id="b"))
    await services.chat.update(mia.owner, made.id, change)
    assert (await mia.conversation(made.id)).metadata == ConversationMetadata(agent_id="b")


# --- and otherwise -------------------------------------------------------------------------------


async def test_a_foreign_conversation_is_not_there_whatever_the_limits(services: Services) -> None:
    bob, mia = await person(services, "bob"), await person(services, dollars_a_day=0)
    made = await services.chat.create(bob.owner, ConversationChange(title="Bob's"))
    with pytest.raises(Exception, match="no such conversation"):
        await mia.send("Hello", to=made.id)


async def test_without_limits_nothing_is_asked(
    services: Services, provider: ScriptedProvider
) -> None:
    bob = await person(services, "bob")
    provider.says(calls(tool("mail_send"), cost=99.0), text("Done"))
    assert (await bob.say("Hello", model=MODEL)).end.status == "completed"
