"""A person decides: what asks, who may answer, and what happens when nobody does."""

import asyncio
from dataclasses import replace

import pytest

from backend.auth.people import Limits
from backend.chat.allowance import NotAllowedError
from backend.chat.events import (
    ApprovalDecided,
    ApprovalRequested,
    InputDecided,
    InputRequested,
    Notice,
    ToolFinished,
    ToolProgress,
)
from backend.chat.questions import AlreadyDecidedError, Place, Questions
from backend.chat.records import ToolPart
from backend.chat.runner import TurnEndedError
from backend.kit.clock import SystemClock
from backend.kit.errors import InvalidInputError, NotFoundError
from backend.kit.hub import Hub
from backend.toolbox.context import Answer, Question, Seen, Who
from tests.chat.household import ALWAYS, NEVER, NO, YES, sending
from tests.conftest import PASSWORD
from tests.fakes.scripted import calls, text, tool
from tests.fakes.waiting import until


async def test_a_yes_lets_the_call_run_and_every_follower_sees_it(talk, home, provider):
    provider.says(calls(sending("bob@home.example")), text("Sent."))
    turn = await talk.send("Tell Bob")
    asked = await home.answers(YES)
    heard = await talk.hear(turn)
    assert asked.reason == "writes"
    assert heard.of(ApprovalRequested) == [asked]
    assert [one.decision for one in heard.of(ApprovalDecided)] == ["allow"]
    assert home.server.sent == [("bob@home.example", "the tax folder")]
    assert home.open() == []


@pytest.mark.parametrize(("decision", "read"), [(YES, "allow"), (NO, "deny")])
async def test_what_was_decided_is_read_beside_the_call_afterwards(
    talk, home, provider, decision, read
):
    provider.says(calls(sending()), text("Well."))
    turn = await talk.send("Tell Bob")
    await home.answers(decision)
    await talk.hear(turn)
    [call] = [one for one in (await talk.answer(turn)).parts if isinstance(one, ToolPart)]
    assert call.decision == read


async def test_a_person_who_wants_to_be_asked_is_told_that_this_is_why(talk, home, provider):
    await home.chose("thermometer", "ask")
    provider.says(calls(tool("thermometer")), text("Warm."))
    turn = await talk.send("How warm is it?")
    asked = await home.answers(YES)
    await talk.hear(turn)
    assert (asked.reason, asked.detail) == ("chosen", "You want to be asked each time.")
    assert asked.can_remember


async def test_always_and_never_are_remembered(talk, home, provider):
    for decision, sent in ((ALWAYS, 2), (NEVER, 2)):
        await home.chose("send_mail", None)
        provider.says(calls(sending()), calls(sending()), text("Well."))
        turn = await talk.send("Twice, please")
        if decision is ALWAYS:
            # The answer of a mail server is a stranger's text: the second one is another matter.
            await home.answers(ALWAYS)
            await home.answers(YES)
        else:
            await home.answers(NEVER)
        heard = await talk.hear(turn)
        assert len(home.server.sent) == sent
    assert "does not allow send_mail" in heard.of(ToolFinished)[1].result
    await home.chose("send_mail", "allow")
    provider.says(calls(sending()), text("Sent."))
    assert (await talk.say("In a new conversation")).of(ApprovalRequested) == []


async def test_what_was_remembered_holds_after_a_restart(home):
    await home.chose("send_mail", "deny")
    again = home.services.tool_servers.approvals
    await again.load()
    assert again.choices_of(home.owner.id) == {("household", "send_mail"): "deny"}
    assert again.choices_of("somebody else") == {}


@pytest.mark.parametrize("chat_settings", [{"ask_seconds": 0.05}])
async def test_nobody_answering_is_a_no_that_the_model_hears(talk, home, provider):
    provider.says(calls(sending()), text("I left it."))
    heard = await talk.say("Tell Bob")
    assert [one.decision for one in heard.of(ApprovalDecided)] == ["expired"]
    assert "Nobody answered" in provider.requests[1].messages[-1].content
    [asked] = heard.of(ApprovalRequested)
    with pytest.raises(TurnEndedError):
        await home.services.chat.decide(home.owner, heard.turn.id, asked.approval_id, YES)
    assert home.server.sent == []


async def test_the_same_answer_again_is_harmless_and_another_is_too_late(talk, home, provider):
    going = asyncio.Event()
    provider.says(calls(sending()), [going, *text("Sent.")])
    turn = await talk.send("Tell Bob")
    asked = await home.answers(YES)
    decide = home.services.chat.decide
    await decide(home.owner, turn.id, asked.approval_id, YES)
    with pytest.raises(AlreadyDecidedError):
        await decide(home.owner, turn.id, asked.approval_id, NO)
    with pytest.raises(NotFoundError):
        await decide(home.owner, turn.id, "ask_other", YES)
    going.set()
    await talk.hear(turn)
    assert len(home.server.sent) == 1


async def test_a2_nobody_answers_for_somebody_else(talk, home, provider):
    bob = await home.services.auth.add("bob", PASSWORD, "Bob", role="adult")
    provider.says(calls(sending()), text("Hm."))
    turn = await talk.send("Tell Bob")
    asked = await home.approval()
    with pytest.raises(NotFoundError):
        await home.services.chat.decide(bob, turn.id, asked.approval_id, YES)
    assert home.services.chat.questions(bob.id) == []
    await home.answers(NO)
    await talk.hear(turn)
    assert home.server.sent == []


async def test_nobody_approves_what_their_limits_forbid(talk, home, provider):
    """Also when the limits came while the turn was running."""
    provider.says(calls(sending()), text("Hm."))
    turn = await talk.send("Tell Bob")
    limited = home.owner.model_copy(update={"limits": Limits(tools=("household/read*",))})
    with pytest.raises(NotAllowedError):
        await home.answers(YES, limited)
    await home.answers(NO)
    await talk.hear(turn)


async def test_a_tool_that_limits_forbid_is_never_asked_about(home, talk, provider):
    cleo = await home.services.auth.add("cleo", PASSWORD, "Cleo", role="child")
    limited = cleo.model_copy(update={"limits": Limits(tools=("thermometer",))})
    hers = replace(talk, owner=limited)
    provider.says(calls(sending()), text("I cannot."))
    heard = await hers.say("Tell Bob")
    assert [spec.name for spec in provider.requests[0].tools] == ["read_more", "thermometer"]
    assert heard.of(ApprovalRequested) == []
    assert heard.of(ToolFinished)[0].result == "There is no tool named send_mail."


async def test_stop_ends_the_question(talk, home, provider):
    provider.says(calls(sending()))
    turn = await talk.send("Tell Bob")
    asked = await home.approval()
    assert (await talk.stop(turn)).status == "stopped"
    assert home.open() == []
    with pytest.raises(TurnEndedError):
        await home.services.chat.decide(home.owner, turn.id, asked.approval_id, YES)
    assert home.server.sent == []


async def test_a_question_ends_with_the_process_and_the_turn_is_interrupted(talk, home, provider):
    provider.says(calls(sending()))
    turn = await talk.send("Tell Bob")
    asked = await home.approval()
    await home.services.turns.drain(0)
    assert (await talk.answer(turn)).status == "interrupted"
    with pytest.raises(TurnEndedError):
        await home.services.chat.decide(home.owner, turn.id, asked.approval_id, YES)
    assert home.server.sent == []


async def test_calls_of_a_step_are_asked_side_by_side(talk, home, provider):
    first, second = sending("bob@home.example"), sending("cleo@home.example")
    provider.says(calls(replace(first, id="a"), replace(second, id="b")), text("Sent."))
    turn = await talk.send("Tell both")
    await until(lambda: len(home.open()) == 2)
    for one in home.open():
        allowed = YES if "bob" in one.question.arguments else NO
        await home.services.chat.decide(home.owner, turn.id, one.question.approval_id, allowed)
    await talk.hear(turn)
    assert home.server.sent == [("bob@home.example", "the tax folder")]
    returned = provider.requests[1].messages[-2:]
    assert [(one.call_id, one.failed) for one in returned] == [("a", False), ("b", True)]


# --- what a server asks, and how far it is --------------------------------------------------------


async def test_a_server_asks_the_person_in_the_middle_of_a_call(talk, home, provider):
    provider.says(calls(tool("paint")), text("Done."))
    turn = await talk.send("Paint it")
    await home.answers(YES)
    await until(lambda: home.open() and home.open()[0].question.type == "input.requested")
    turn_id, wanted = await home.input()
    assert (wanted.message, wanted.server, wanted.kind) == ("Which colour?", "Workshop", "form")
    assert "colour" in wanted.fields["properties"]
    respond = home.services.chat.respond
    with pytest.raises(InvalidInputError):
        await respond(home.owner.id, turn_id, wanted.input_id, Answer("accept"))
    await respond(home.owner.id, turn_id, wanted.input_id, Answer("accept", {"colour": "green"}))
    heard = await talk.hear(turn)
    assert [one.action for one in heard.of(InputDecided)] == ["accept"]
    assert heard.of(ToolFinished)[0].result == "painted green"


async def test_a_server_that_asks_for_ever_or_for_too_much_gets_a_no():
    said: list[object] = []
    place = Place("anna", "conv", "turn")
    questions = Questions(place, said.append, Hub(), SystemClock(), seconds=0.001)
    ask = questions.context(tool("paint"), Who("anna"), Seen()).ask
    huge = {"properties": {"x": {"type": "string", "description": "x" * 30_000}}}
    assert await ask(Question("shop", "Shop", "Why?", schema=huge)) == Answer("decline")
    assert said == []
    for _ in range(30):
        assert await ask(Question("shop", "Shop", "Why?")) == Answer("decline")
    assert len([one for one in said if isinstance(one, InputRequested)]) == 19


async def test_progress_of_a_tool_is_seen(talk, home, provider):
    provider.says(calls(tool("steps", '{"count": 2, "seconds": 0.01}')), text("Done."))
    turn = await talk.send("Go on")
    await home.answers(YES)
    heard = await talk.hear(turn)
    seen = heard.of(ToolProgress)
    assert (seen[-1].message, seen[-1].progress, seen[-1].total) == ("step 2", 1.0, 1.0)


# --- what is on offer -----------------------------------------------------------------------------


async def test_t22d_a_server_that_is_away_is_named_at_the_start(talk, home, provider):
    await home.remote.kill()
    server = home.services.tool_servers.connections["household"]
    await until(lambda: server.state.name == "failed")
    provider.says(text("Hi."))
    [notice] = (await talk.say("Hi")).of(Notice)
    assert notice.code == "tool_server_away"
    assert notice.detail.startswith("Household is unreachable since ")
    assert "connection refused" in notice.detail


async def test_t22d_a_tool_that_went_away_during_the_turn_is_named_and_stays_named(
    talk, home, provider
):
    gone = asyncio.Event()
    provider.says([gone, *calls(sending())], text("It is away."))
    turn = await talk.send("Tell Bob")
    await provider.was_asked()
    await home.services.tool_servers.switch_server("household", enabled=False)
    gone.set()
    words = "Household is unreachable (it is switched off)."
    assert (await talk.hear(turn)).of(ToolFinished)[0].result == words
    provider.says(calls(sending()), text("Still away."))
    later = await talk.say("And now?", to=turn.conversation_id)
    assert "send_mail" not in [spec.name for spec in provider.requests[-1].tools]
    assert later.of(ToolFinished)[0].result == words


async def test_a_surface_offers_the_servers_that_the_person_wants_there(talk, home, provider):
    await home.services.tool_servers.choices.prefer(home.owner.id, "voice", ["workshop"])
    provider.says(text("Hi"), text("Hi"))
    await talk.say("Hi")
    await talk.hear(await talk.send("Hi", client="voice"))
    on_chat, on_voice = [{spec.name for spec in asked.tools} for asked in provider.requests]
    assert {"send_mail", "paint"} <= on_chat
    assert "paint" in on_voice
    assert "send_mail" not in on_voice
