"""More tools than a model is told of: people see, allow and read later what was really called."""

import orjson
import pytest

from backend.chat.events import ApprovalRequested, ToolFinished, ToolStarted
from backend.chat.records import ToolPart
from backend.messages import AssistantStep, ModelInfo, ToolCall, ToolReturn
from tests.chat.household import ALWAYS, NO, YES, sending
from tests.fakes.scripted import ScriptedProvider, calls, text, tool

pytestmark = pytest.mark.parametrize("chat_settings", [{"tool_share": 0.001}])

SMALL = ModelInfo(
    id="model", name="A model", provider="scripted", supports_tools=True, context_length=200_000
)
HUGE = SMALL.model_copy(update={"id": "huge", "context_length": 10_000_000})


@pytest.fixture
async def provider() -> ScriptedProvider:
    return ScriptedProvider(SMALL, HUGE)


def by_name(name: str, **arguments: object) -> ToolCall:
    return tool("call_tool", orjson.dumps({"name": name, "arguments": arguments}).decode())


def mail() -> ToolCall:
    return by_name("send_mail", to="bob@home.example", text="the tax folder")


def told(provider: ScriptedProvider) -> list[str]:
    return [spec.name for spec in provider.requests[-1].tools]


async def test_the_model_is_told_the_same_whatever_servers_are_there(talk, home, provider):
    provider.says(text("Hi"), text("Hi"))
    await talk.say("Hello")
    before = provider.requests[-1].tools
    await home.services.tool_servers.switch_server("workshop", enabled=False)
    await talk.say("Hello")
    assert provider.requests[-1].tools == before
    assert {"find_tools", "describe_tool", "call_tool", "read_more", "recall"} <= set(
        told(provider)
    )
    assert "send_mail" not in told(provider)


async def test_the_person_sees_and_decides_about_the_real_call(talk, home, provider):
    provider.says(calls(mail()), text("Sent."))
    turn = await talk.send("Tell Bob")
    asked = await home.answers(YES)
    heard = await talk.hear(turn)
    given = {"to": "bob@home.example", "text": "the tax folder"}
    assert (asked.tool, asked.server, asked.reason) == ("send_mail", "Household", "writes")
    assert orjson.loads(asked.arguments) == given
    [started] = heard.of(ToolStarted)
    assert (started.name, orjson.loads(started.arguments)) == ("send_mail", given)
    [part] = [one for one in (await talk.answer(turn)).parts if isinstance(one, ToolPart)]
    assert (part.name, orjson.loads(part.arguments), part.status) == ("send_mail", given, "ok")
    assert heard.reduced().parts == (await talk.answer(turn)).parts
    assert home.server.sent == [("bob@home.example", "the tax folder")]


async def test_the_model_sees_its_own_call_in_this_turn_and_the_same_bytes_in_the_next(
    talk, home, provider
):
    await home.chose("send_mail", "allow")
    provider.says(calls(mail(), tool("read_more", '{"id": "x", "offset": 0}')), text("Sent."))
    heard = await talk.say("Tell Bob")
    provider.says(text("You are welcome."))
    await talk.say("Thanks", to=heard.turn.conversation_id)
    [now], [later] = [
        [one for one in request.messages if isinstance(one, AssistantStep) and one.calls]
        for request in provider.requests[1:]
    ]
    assert [one.name for one in now.calls] == ["call_tool", "read_more"]
    given = {"to": "bob@home.example", "text": "the tax folder"}
    assert orjson.loads(now.calls[0].arguments) == {"name": "send_mail", "arguments": given}
    assert now.calls == later.calls
    returned = [one for one in provider.requests[2].messages if isinstance(one, ToolReturn)]
    assert [one.call_id for one in returned] == [one.id for one in now.calls]


async def test_a_model_that_is_told_all_tools_sees_the_call_as_its_own_words(talk, home, provider):
    provider.says(calls(by_name("thermometer")), text("Warm."), text("As I said."))
    heard = await talk.say("How warm is it?")
    await talk.say("Sure?", to=heard.turn.conversation_id, model="scripted:huge")
    assert "thermometer" in told(provider)
    assert "call_tool" not in told(provider)
    step = provider.requests[-1].messages[1]
    assert step.calls == (ToolCall("call_call_tool", "thermometer", "{}"),)


async def test_a_tool_is_found_read_about_and_called(talk, home, provider):
    provider.says(
        calls(tool("find_tools", '{"query": "temperature warm"}')),
        calls(tool("describe_tool", '{"name": "thermometer"}')),
        calls(by_name("thermometer")),
        text("21 degrees."),
    )
    heard = await talk.say("How warm is it?")
    found, about, warm = [one.result for one in heard.of(ToolFinished)]
    assert orjson.loads(found)["tools"][0]["name"] == "thermometer"
    assert orjson.loads(about)["description"] == "Tells how warm it is."
    assert warm == "21 degrees"
    assert heard.of(ApprovalRequested) == []


async def test_p2_what_was_called_by_name_counts_as_read(talk, home, provider):
    """In this turn, and from what is stored of it in the next."""
    await home.chose("read_mail", "allow")
    await home.chose("send_mail", "allow")
    provider.says(calls(by_name("read_mail")), calls(mail()), text("Fine."))
    turn = await talk.send("What is new?")
    asked = await home.answers(NO)
    await talk.hear(turn)
    assert (asked.reason, "read_mail" in asked.detail) == ("untrusted_content", True)
    provider.says(calls(mail()), text("Fine."))
    again = await talk.send("Thanks", to=turn.conversation_id)
    assert (await home.answers(NO)).reason == "untrusted_content"
    await talk.hear(again)
    assert home.server.sent == []


async def test_a_yes_for_ever_is_to_the_real_tool(talk, home, provider):
    provider.says(calls(mail()), text("Sent."))
    turn = await talk.send("Tell Bob")
    await home.answers(ALWAYS)
    await talk.hear(turn)
    choices = home.services.tool_servers.approvals.choices_of(home.owner.id)
    assert choices == {("household", "send_mail"): "allow"}
    provider.says(calls(by_name("list_events")), text("Well."))
    again = await talk.send("What is on?")
    assert (await home.answers(NO)).tool == "list_events"
    await talk.hear(again)


async def test_a_tool_the_model_knows_by_heart_runs_all_the_same(talk, home, provider):
    provider.says(calls(sending("bob@home.example")), text("Sent."))
    turn = await talk.send("Tell Bob")
    await home.answers(YES)
    heard = await talk.hear(turn)
    assert heard.of(ToolStarted)[0].name == "send_mail"
    assert len(home.server.sent) == 1


async def test_a_tool_that_went_away_is_named_and_one_that_never_was_too(talk, home, provider):
    provider.says(calls(by_name("never_heard_of")), text("I see."))
    heard = await talk.say("Tell Bob")
    assert heard.of(ToolStarted)[0].name == "never_heard_of"
    assert heard.of(ToolFinished)[0].result == (
        "There is no tool named never_heard_of. find_tools tells which exist."
    )
    await home.services.tool_servers.switch_server("household", enabled=False)
    provider.says(calls(by_name("thermometer")), text("I see."))
    heard = await talk.say("How warm is it?")
    assert "Household is unreachable" in heard.of(ToolFinished)[0].result
