"""Everything that is known to go wrong upstream, one test each: a whole answer or a typed error."""

import pytest

from backend.messages import AssistantStep, ToolCall, ToolReturn, UserPrompt
from backend.providers.base import (
    ContentRefusedError,
    EmptyAnswerError,
    Finished,
    GarbledAnswerError,
    ModelNotFoundError,
    PaymentRequiredError,
    ProviderAuthError,
    ProviderBusyError,
    ProviderNotice,
    ProviderUnreachableError,
    RequestRefusedError,
    UsageReport,
)
from backend.providers.openai_compatible import OpenAICompatible
from backend.providers.openrouter import OpenRouter
from tests.fakes.answers import (
    COMMENT,
    DONE,
    answer,
    broken,
    call,
    cut,
    cut_at,
    ends_early,
    finish,
    raw,
    refusal,
    said,
    stall,
    text,
    usage,
)
from tests.fakes.upstream import FakeUpstream
from tests.providers.asking import CLOCK_TOOL, KEY, Waits, hear, request


async def test_comment_lines_are_no_part_of_the_answer(upstream, openrouter):
    upstream.says(answer(COMMENT, COMMENT, said("Hel"), COMMENT, said("lo"), finish(), DONE))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason) == ("Hello", "stop")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
async def test_both_kinds_of_line_ends_are_read(upstream, openrouter, ending):
    chunks = [COMMENT, said("Hel"), said("lo"), finish(), DONE]
    upstream.says(answer(*(chunk.replace(b"\n", ending) for chunk in chunks)))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason) == ("Hello", "stop")


async def test_characters_split_over_reads_arrive_whole(upstream, openrouter):
    data = said("Grüße 🍞") + finish() + DONE
    bread = data.index("🍞".encode())
    upstream.says(cut_at(data, data.index("ü".encode()) + 1, bread + 1, bread + 2, bread + 3))
    assert (await hear(openrouter)).text == "Grüße 🍞"


async def test_an_event_of_a_megabyte_is_read(upstream, openrouter):
    big = "x" * 1_000_000
    upstream.says(answer(said(big), finish(), DONE))
    assert (await hear(openrouter)).text == big


async def test_usage_without_choices_is_reported_once_and_before_the_end(upstream, openrouter):
    upstream.says(answer(said("Hi"), finish(), usage(9, 2, cost=0.25), DONE))
    heard = await hear(openrouter)
    assert [type(event) for event in heard.events[-2:]] == [UsageReport, Finished]
    assert heard.of(UsageReport)[0].usage.cost == 0.25


async def test_a_missing_usage_is_no_error(upstream, compatible):
    upstream.says(answer(said("Hi"), finish(), DONE))
    heard = await hear(compatible)
    assert (heard.text, heard.reason, heard.of(UsageReport)) == ("Hi", "stop", [])


async def test_calls_without_an_index_are_whole_calls(upstream, openrouter):
    upstream.says(
        answer(
            call('{"a":1}', index=None, call_id="c1", name="one"),
            call("", index=None, call_id="c2", name="two"),
            finish("tool_calls"),
            DONE,
        )
    )
    heard = await hear(openrouter, request(tools=(CLOCK_TOOL,)))
    assert heard.calls == [ToolCall("c1", "one", '{"a":1}'), ToolCall("c2", "two", "{}")]


async def test_interleaved_parallel_calls_are_told_apart(upstream, openrouter):
    upstream.says(
        answer(
            call("", index=0, call_id="c1", name="one"),
            call("", index=1, call_id="c2", name="two"),
            call('{"a":', index=0),
            call('{"b":', index=1),
            call("1}", index=0),
            call("2}", index=1),
            finish("tool_calls"),
            DONE,
        )
    )
    heard = await hear(openrouter, request(tools=(CLOCK_TOOL,)))
    assert heard.calls == [ToolCall("c1", "one", '{"a":1}'), ToolCall("c2", "two", '{"b":2}')]
    assert heard.reason == "tool_calls"


async def test_an_error_before_the_first_token_of_a_stream_is_retried(upstream, openrouter, waits):
    upstream.says(answer(broken(503, "busy", "provider_overloaded")), text("Hi"))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason, waits.seconds) == ("Hi", "stop", [0.5])


async def test_an_error_after_the_first_token_ends_the_answer_and_keeps_its_text(
    upstream: FakeUpstream, openrouter: OpenRouter
):
    upstream.says(answer(said("Once"), broken(429, "Rate limit", "rate_limit_exceeded")))
    heard = await hear(openrouter)
    assert heard.text == "Once"
    assert isinstance(heard.failure, ProviderBusyError)
    assert heard.of(Finished) == []
    assert len(upstream.chats) == 1  # never a replay


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        (refusal(401, f"Incorrect API key provided: {KEY}"), ProviderAuthError),
        (refusal(402, "Insufficient credits"), PaymentRequiredError),
        (refusal(403, "blocked", metadata={"reasons": ["violence"]}), ContentRefusedError),
        (refusal(404, "No such model"), ModelNotFoundError),
        (refusal(422, f"bad: Bearer {KEY}"), RequestRefusedError),
    ],
)
async def test_a_refusal_is_typed_and_not_repeated(upstream, openrouter, scenario, kind):
    upstream.says(scenario)
    heard = await hear(openrouter)
    assert heard.failure is not None
    assert type(heard.failure) is kind
    assert len(upstream.chats) == 1
    assert KEY not in heard.failure.detail
    assert len(heard.failure.detail) < 500


async def test_a_model_without_tools_is_asked_again_without_them(upstream, openrouter, waits):
    upstream.says(refusal(404, "No endpoints found that support tool use."), text("Hi"))
    heard = await hear(openrouter, request(tools=(CLOCK_TOOL,)))
    assert (heard.text, heard.reason) == ("Hi", "stop")
    assert [notice.code for notice in heard.of(ProviderNotice)] == ["tools_unsupported"]
    assert ["tools" in chat.body for chat in upstream.chats] == [True, False]
    assert waits.seconds == []


async def test_earlier_tool_results_stay_readable_for_a_model_without_tools(upstream, compatible):
    upstream.says(refusal(400, "registry/gemma3:4b does not support tools"), text("Hi"))
    call_made = AssistantStep(text="Let me see.", calls=(ToolCall("c1", "clock", "{}"),))
    asked = request(
        messages=(
            UserPrompt("What time is it?"),
            call_made,
            ToolReturn("c1", "clock", "half past nine"),
            AssistantStep(text="Half past nine."),
            UserPrompt("Thanks"),
        ),
        tools=(CLOCK_TOOL,),
    )
    assert (await hear(compatible, asked)).text == "Hi"
    sent = upstream.chats[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert "half past nine" in sent[1]["content"]
    assert not any("tool_calls" in message for message in sent)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_provider_is_asked_again_when_it_says_so(upstream, openrouter, waits, status):
    upstream.says(refusal(status, "later", retry_after="7"), text("Hi"))
    heard = await hear(openrouter)
    assert (heard.text, waits.seconds) == ("Hi", [7])
    assert [notice.code for notice in heard.of(ProviderNotice)] == ["retrying"]


async def test_retry_after_may_be_a_date(upstream, openrouter, waits):
    upstream.says(refusal(503, "later", retry_after="Fri, 20 Nov 2026 12:00:05 GMT"), text("Hi"))
    assert (await hear(openrouter)).text == "Hi"
    assert waits.seconds == [5]


async def test_a_long_retry_after_is_left_to_the_person(upstream, openrouter, waits):
    upstream.says(refusal(429, "tomorrow", retry_after="3600"))
    heard = await hear(openrouter)
    assert isinstance(heard.failure, ProviderBusyError)
    assert (heard.failure.retry_after, waits.seconds) == (3600, [])


async def test_a_provider_that_stays_busy_is_given_up_after_two_more_tries(
    upstream: FakeUpstream, openrouter: OpenRouter, waits: Waits
):
    upstream.always = refusal(529, "overloaded")
    heard = await hear(openrouter)
    assert isinstance(heard.failure, ProviderBusyError)
    assert (len(upstream.chats), waits.seconds) == (3, [0.5, 1.5])


async def test_an_empty_answer_is_asked_for_once_more(upstream, openrouter):
    upstream.says(answer(finish(), usage(5, 0, cost=0.5), DONE), text("Hi"))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason) == ("Hi", "stop")
    assert [report.usage.prompt_tokens for report in heard.of(UsageReport)] == [12]


async def test_two_empty_answers_are_an_error(upstream, openrouter):
    upstream.always = answer(finish(), usage(5, 0), DONE)
    heard = await hear(openrouter)
    assert isinstance(heard.failure, EmptyAnswerError)
    assert len(upstream.chats) == 2
    assert [report.usage.prompt_tokens for report in heard.of(UsageReport)] == [10]


async def test_an_answer_whose_length_was_spent_on_nothing_is_not_repeated(upstream, openrouter):
    upstream.says(answer(finish("length"), DONE))
    assert isinstance((await hear(openrouter)).failure, EmptyAnswerError)
    assert len(upstream.chats) == 1


@pytest.mark.parametrize(
    ("scenario", "before"), [(stall(said("Once")), "Once"), (stall(), ""), (stall(head=False), "")]
)
async def test_a_stalled_answer_ends_as_unreachable(upstream, policy, scenario, before):
    upstream.says(scenario)
    async with OpenAICompatible(
        id="local", base_url=upstream.base_url, silence=0.1, policy=policy
    ) as provider:
        heard = await hear(provider)
    assert heard.text == before
    assert isinstance(heard.failure, ProviderUnreachableError)
    assert len(upstream.chats) == 1
    assert (await upstream.has_closed()).request is upstream.chats[0]


async def test_comments_keep_a_silent_answer_alive(upstream, policy):
    upstream.says(answer(*[COMMENT] * 8, said("Hi"), finish(), DONE, delay=0.05))
    async with OpenAICompatible(
        id="local", base_url=upstream.base_url, silence=0.25, policy=policy
    ) as provider:
        assert (await hear(provider)).text == "Hi"


@pytest.mark.parametrize("ending", [cut, ends_early])
async def test_a_connection_cut_after_output_is_an_error(upstream, openrouter, ending):
    upstream.says(ending(said("Once"), said(" upon")))
    heard = await hear(openrouter)
    assert heard.text == "Once upon"
    assert isinstance(heard.failure, ProviderUnreachableError)
    assert "cut off" in heard.failure.detail
    assert len(upstream.chats) == 1


@pytest.mark.parametrize("scenario", [cut(), cut(head=False), ends_early(COMMENT)])
async def test_a_connection_cut_before_output_is_tried_again(upstream, openrouter, waits, scenario):
    upstream.says(scenario, text("Hi"))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason, waits.seconds) == ("Hi", "stop", [0.5])


async def test_half_an_event_at_the_end_counts_as_cut_off(upstream, openrouter):
    upstream.says(ends_early(said("Once"), said("never")[:40]))
    heard = await hear(openrouter)
    assert heard.text == "Once"
    assert isinstance(heard.failure, ProviderUnreachableError)


async def test_a_cut_after_the_finish_reason_spoils_nothing(upstream, openrouter):
    upstream.says(cut(said("Hi"), finish()))
    heard = await hear(openrouter)
    assert (heard.text, heard.reason) == ("Hi", "stop")


async def test_the_end_may_come_without_a_finish_reason_when_it_is_said(upstream, compatible):
    upstream.says(answer(said("Hi"), DONE[:-1]))
    assert (await hear(compatible)).reason == "stop"


async def test_a_garbage_line_ends_the_answer_after_what_came_before_it(upstream, openrouter):
    upstream.says(answer(said("Once") + b"data: {nonsense\n\n" + said("never")))
    heard = await hear(openrouter)
    assert heard.text == "Once"
    assert isinstance(heard.failure, GarbledAnswerError)


async def test_a_web_page_is_not_an_answer(upstream, openrouter):
    upstream.says(raw(b"<html>Please log in</html>", content_type="text/html; charset=utf-8"))
    assert isinstance((await hear(openrouter)).failure, GarbledAnswerError)


async def test_an_error_page_of_a_proxy_is_not_shown(upstream, openrouter):
    upstream.always = raw(b"<html>nginx</html>", status=502, content_type="text/html")
    heard = await hear(openrouter)
    assert isinstance(heard.failure, ProviderUnreachableError)
    assert "<" not in heard.failure.detail


async def test_a_server_that_ignores_streaming_is_understood(upstream, compatible):
    body = (
        b'{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1,"completion_tokens":1}}'
    )
    upstream.says(raw(body, content_type="application/json"))
    heard = await hear(compatible)
    assert (heard.text, heard.reason) == ("Hi", "stop")


async def test_a_redirect_is_not_followed(upstream, openrouter):
    upstream.says(
        raw(b"", status=307, content_type="text/plain", headers={"Location": upstream.base_url})
    )
    assert isinstance((await hear(openrouter)).failure, RequestRefusedError)
    assert len(upstream.requests) == 1


async def test_a_closed_port_is_unreachable(upstream, policy, waits):
    async with FakeUpstream() as gone:
        address = gone.base_url
    async with OpenAICompatible(id="local", base_url=address, policy=policy) as provider:
        heard = await hear(provider)
    assert isinstance(heard.failure, ProviderUnreachableError)
    assert waits.seconds == [0.5, 1.5]


@pytest.mark.parametrize("address", ["nothing", "ftp://127.0.0.1/v1", "http://:0/v1"])
async def test_an_address_that_is_none_is_unreachable(policy, address):
    async with OpenAICompatible(id="local", base_url=address, policy=policy) as provider:
        assert isinstance((await hear(provider)).failure, ProviderUnreachableError)
        with pytest.raises(ProviderUnreachableError):
            await provider.models()


async def test_something_that_is_not_http_is_garbled(upstream, compatible):
    upstream.says(raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", head=False, framing="close", content_type=""))
    assert isinstance((await hear(compatible)).failure, GarbledAnswerError)
