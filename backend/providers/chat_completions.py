"""One streamed answer over the OpenAI protocol: ask, read, and ask again where that is allowed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import aiohttp

from backend.messages import JsonObject, ModelRequest
from backend.providers.base import (
    GenerationStarted,
    ModelEvent,
    ProviderError,
    ProviderNotice,
    ProviderUnreachableError,
    UsageReport,
)
from backend.providers.errors import garbled
from backend.providers.event_stream import EventStreamParser
from backend.providers.openai_request import without_tools
from backend.providers.openai_wire import AnswerReader
from backend.providers.refusal_words import ToolsUnsupportedError
from backend.providers.retry import RetryPolicy, Tries, retrying
from backend.providers.upstream import Upstream, next_bytes

AFTER_FINISH_SECONDS = 15
"""How long the usage may follow the end of the answer."""
GOODBYE_SECONDS = 0.25
"""How long the end of the response may follow its last word; after that the socket is closed."""
MAX_WHOLE_BYTES = 32 * 1024 * 1024


class ChatCompletions:
    """`stream` of every provider that speaks this protocol."""

    def __init__(
        self,
        upstream: Upstream,
        body: Callable[[ModelRequest], JsonObject],
        *,
        policy: RetryPolicy | None = None,
        id_header: str = "",
    ) -> None:
        self._upstream = upstream
        self._body = body
        self._policy = policy or RetryPolicy()
        self._id_header = id_header

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[ModelEvent]]:
        tries = Tries(self._policy)
        spent: UsageReport | None = None
        while True:
            answer = AnswerReader(self._upstream.refusals, wants_id=bool(self._id_header))
            try:
                async with aclosing(self._ask(request, answer, spent)) as batches:
                    async for batch in batches:
                        yield batch
            except ProviderError as error:
                failure = error
            else:
                return
            spent = _paid(answer, spent)
            if isinstance(failure, ToolsUnsupportedError) and request.tools and not answer.begun:
                request = without_tools(request)
                yield [ProviderNotice("tools_unsupported", failure.detail)]
                continue
            wait = None if answer.begun else tries.wait_after(failure)
            if wait is None:
                if spent:
                    yield [spent]
                raise failure
            yield [retrying(failure, wait)]
            await self._policy.pause(wait)

    async def _ask(
        self, request: ModelRequest, answer: AnswerReader, spent: UsageReport | None
    ) -> AsyncGenerator[list[ModelEvent]]:
        async with self._upstream.post("/chat/completions", self._body(request)) as response:
            generation_id = response.headers.get(self._id_header) if self._id_header else None
            if generation_id:
                answer.wants_id = False
                yield [GenerationStarted(generation_id)]
            if response.content_type == "text/html":
                raise garbled("a web page instead of an answer")
            reading = _read_whole if "json" in response.content_type else _read_stream
            async with aclosing(reading(response, answer)) as batches:
                async for batch in batches:
                    yield batch
            yield _with_earlier(answer.end(), spent)
            await _drain(response)


async def _read_stream(
    response: aiohttp.ClientResponse, answer: AnswerReader
) -> AsyncGenerator[list[ModelEvent]]:
    parser = EventStreamParser()
    while not answer.done:
        data = await (_last_bytes if answer.finish_reason else next_bytes)(response)
        events: list[ModelEvent] = []
        failure: ProviderError | None = None
        try:
            for payload in parser.feed(data):
                answer.take(payload, events)
            if not data:
                answer.take_last(parser.end(), events)
        except ProviderError as error:
            failure = error
        if events:
            yield events
        if failure:
            raise failure
        if not data:
            break
    if not (answer.done or answer.finish_reason):
        raise ProviderUnreachableError("The connection to the provider was cut off.")


async def _read_whole(
    response: aiohttp.ClientResponse, answer: AnswerReader
) -> AsyncGenerator[list[ModelEvent]]:
    """A server that ignores `stream: true` sends one JSON object."""
    body = bytearray()
    while data := await next_bytes(response):
        body += data
        if len(body) > MAX_WHOLE_BYTES:
            raise garbled("it is too long")
    events: list[ModelEvent] = []
    answer.take(bytes(body), events)
    yield events


async def _last_bytes(response: aiohttp.ClientResponse) -> bytes:
    """The answer is whole; only its price may follow. Trouble here spoils nothing."""
    try:
        async with asyncio.timeout(AFTER_FINISH_SECONDS):
            return await next_bytes(response)
    except (ProviderUnreachableError, TimeoutError):
        return b""


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the last bytes, so that the connection can serve the next question."""
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            while await next_bytes(response):
                pass
    except (ProviderError, TimeoutError):
        return


def _paid(answer: AnswerReader, spent: UsageReport | None) -> UsageReport | None:
    """What failed tries cost so far; the stream reports one sum, at its end."""
    if answer.usage is None:
        return spent
    return UsageReport(spent.usage.plus(answer.usage) if spent else answer.usage)


def _with_earlier(events: list[ModelEvent], spent: UsageReport | None) -> list[ModelEvent]:
    if spent is None:
        return events
    if not any(isinstance(event, UsageReport) for event in events):
        return [*events[:-1], spent, events[-1]]
    return [
        UsageReport(spent.usage.plus(event.usage)) if isinstance(event, UsageReport) else event
        for event in events
    ]
