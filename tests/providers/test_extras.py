"""What a program's request holds besides messages and sampling goes on to those who know it."""

from dataclasses import replace

from backend.messages import ModelRequest, ToolSpec, UserPrompt
from backend.providers import openai_compatible, openrouter
from backend.providers.openai_request import without_tools

EXTRAS = {
    "tool_choice": "required",
    "response_format": {"type": "json_object"},
    "provider": {"sort": "price"},
    "models": ["a/b"],
}
ASKED = ModelRequest(
    "m",
    (UserPrompt("hi"),),
    (ToolSpec("f", "Does.", {"type": "object"}, strict=True),),
    extras=EXTRAS,
)


def test_openrouter_gets_all_of_it() -> None:
    body = openrouter.request_body(ASKED)
    assert {name: body[name] for name in EXTRAS} == EXTRAS
    assert body["tools"][0]["function"]["strict"] is True


def test_other_servers_get_what_the_usual_protocol_has() -> None:
    body = openai_compatible.request_body(ASKED)
    assert set(body) & set(EXTRAS) == {"tool_choice", "response_format"}


def test_a_choice_among_tools_goes_with_the_tools() -> None:
    body = openrouter.request_body(without_tools(ASKED))
    assert set(body) & set(EXTRAS) == {"response_format", "provider", "models"}


def test_a_request_without_any_is_as_it_was() -> None:
    bare = replace(ASKED, extras={}, tools=(ToolSpec("f", "Does.", {"type": "object"}),))
    body = openrouter.request_body(bare)
    assert set(body) == {"model", "stream", "tools", "messages"}
    assert "strict" not in body["tools"][0]["function"]
