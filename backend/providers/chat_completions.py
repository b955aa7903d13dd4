"""One streamed answer over the OpenAI protocol: ask, read, and ask again where that is allowed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from backend.messages import JsonObject, ModelRequest
from backend.providers.base import (
    GenerationStarted,
    ModelEvent,
    ProviderError,
    ProviderNotice,
    ProviderUnreachableError,
    UsageReport,
)
from backend.providers.connection import Connection
from backend.providers.errors import garbled
from backend.providers.event_stream import EventStreamParser
from backend.providers.openai_request import without_tools
from backend.providers.openai_wire import AnswerReader
from backend.providers.refusal_words import ToolsUnsupportedError
from backend.providers.retry import RetryPolicy, Tries, retrying
from backend.providers.upstream import Upstream

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
            exchange = _Exchange(self._upstream, answer)
            try:
                await exchange.open(self._body(request))
                if self._id_header and (given := exchange.header(self._id_header)):
                    answer.wants_id = False
                    yield [GenerationStarted(given)]
                while (batch := await exchange.next()) is not None:
                    if batch:
                        yield batch
                yield _with_earlier(answer.end(), spent)
                await exchange.drain()
            except ProviderError as error:
                failure = error
            else:
                return
            finally:
                exchange.close()
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


class _Exchange:
    """One request and its response. Plain calls and not generators in generators: every layer of
    those is paid for by every token."""

    def __init__(self, upstream: Upstream, answer: AnswerReader) -> None:
        self._upstream = upstream
        self._answer = answer
        self._parser = EventStreamParser()
        self._connection: Connection | None = None
        self._is_whole = False
        """The server ignores `stream: true` and sends one JSON object."""
        self._is_over = False
        self._failure: ProviderError | None = None

    async def open(self, body: JsonObject) -> None:
        self._connection = await self._upstream.post("/chat/completions", body)
        kind = self.header("Content-Type").partition(";")[0].strip().lower()
        if kind == "text/html":
            raise garbled("a web page instead of an answer")
        self._is_whole = "json" in kind

    def header(self, name: str) -> str:
        return self._connection.headers.get(name.lower(), "") if self._connection else ""

    async def next(self) -> list[ModelEvent] | None:
        """What arrived together; None at the end. Raises ProviderError, after what came before."""
        answer, connection = self._answer, self._connection
        if self._failure:
            raise self._failure
        if self._is_over or answer.done or connection is None:
            if not (answer.done or answer.finish_reason or self._is_whole):
                raise ProviderUnreachableError("The connection to the provider was cut off.")
            return None
        events: list[ModelEvent] = []
        if self._is_whole:
            answer.take(await _read_whole(connection), events)
            self._is_over = True
            return events
        if answer.finish_reason:
            data = await _last_bytes(connection)
        else:
            while (arrived := connection.take()) is None:
                await connection.news()
            data = arrived
        try:
            for payload in self._parser.feed(data):
                answer.take(payload, events)
            if not data:
                self._is_over = True
                answer.take_last(self._parser.end(), events)
        except ProviderError as error:
            self._failure = error
        return events

    async def drain(self) -> None:
        """Read the last bytes, so that the connection can serve the next question."""
        connection = self._connection
        if connection is None or connection.is_complete:
            return
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                while await connection.read():
                    pass

    def close(self) -> None:
        if self._connection:
            self._upstream.give_back(self._connection)
            self._connection = None


async def _read_whole(connection: Connection) -> bytes:
    body = bytearray()
    while data := await connection.read():
        body += data
        if len(body) > MAX_WHOLE_BYTES:
            raise garbled("it is too long")
    return bytes(body)


async def _last_bytes(connection: Connection) -> bytes:
    """The answer is whole; only its price may follow. Trouble here spoils nothing."""
    try:
        async with asyncio.timeout(AFTER_FINISH_SECONDS):
            return await connection.read()
    except (ProviderUnreachableError, TimeoutError):
        return b""


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
