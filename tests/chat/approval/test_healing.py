"""T2.2 as a person meets it: in the middle of a conversation, with nothing for them to do."""

import asyncio

from backend.chat.events import Notice, TextDelta, ToolFinished
from tests.chat.household import YES
from tests.fakes.mcp_household import HouseholdServer
from tests.fakes.mcp_server import modern
from tests.fakes.scripted import calls, text, tool
from tests.fakes.waiting import until


def results(heard) -> list[tuple[bool, str]]:
    return [(one.status == "ok", one.result) for one in heard.of(ToolFinished)]


async def test_t22a_a_server_killed_and_restarted_in_mid_conversation_is_simply_used(
    talk, home, provider
):
    provider.says(calls(tool("thermometer")), text("Warm."))
    turn = await talk.send("How warm is it?")
    assert results(await talk.hear(turn)) == [(True, "21 degrees")]
    await home.remote.kill()
    home.remote.app = HouseholdServer().app
    await home.remote.start()
    provider.says(calls(tool("thermometer")), text("Still warm."))
    heard = await talk.say("And now?", to=turn.conversation_id)
    assert results(heard) == [(True, "21 degrees")]
    assert heard.of(Notice) == []


async def test_t22a_the_call_in_flight_fails_and_the_answer_goes_on(talk, home, provider, workshop):
    provider.says(calls(tool("hang"), tool("thermometer")), text("It fell over."))
    turn = await talk.send("Start the saw")
    before = len(workshop.requests)
    await home.answers(YES)
    await until(lambda: len(workshop.requests) > before)
    await asyncio.sleep(0.1)  # and it is being worked on
    await workshop.kill()
    heard = await talk.hear(turn)
    lost, fine = sorted(results(heard))
    assert fine == (True, "21 degrees")
    assert lost[0] is False
    assert lost[1].startswith("Workshop is unreachable")
    [told] = [one for one in provider.requests[-1].messages if "unreachable" in str(one)]
    assert "Workshop" in str(told)  # the model hears what the person sees
    assert "".join(one.text for one in heard.of(TextDelta)) == "It fell over."
    workshop.app = modern()
    await workshop.start()
    provider.says(calls(tool("echo", '{"text": "back"}')), text("It works again."))
    later = await talk.send("Once more", to=turn.conversation_id)
    await home.answers(YES)
    assert results(await talk.hear(later)) == [(True, "back")]


async def test_a_list_that_changes_in_mid_turn_changes_the_next_turn_and_not_this_one(
    talk, home, provider
):
    waits = asyncio.Event()
    provider.says(calls(tool("thermometer")), [waits, *calls(tool("thermometer"))], text("Hm."))
    turn = await talk.send("How warm is it?")
    await provider.was_asked(2)
    home.server.server.remove_tool("thermometer")
    await home.refresh()
    waits.set()
    heard = await talk.hear(turn)
    assert results(heard)[0] == (True, "21 degrees")
    failed = results(heard)[1]
    assert failed[0] is False
    assert "thermometer" in failed[1]  # it is named, and the turn goes on
    offers = [[spec.name for spec in asked.tools] for asked in provider.requests]
    assert offers[0] == offers[1] == offers[2]
    provider.says(text("Bye."))
    await talk.say("And now?", to=turn.conversation_id)
    now = [spec.name for spec in provider.requests[-1].tools]
    assert "thermometer" not in now
    assert "list_events" in now
