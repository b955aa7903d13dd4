"""One living session with a server, in our words. All of the SDK's client is behind this file.

Loaded when the first server is configured: the SDK takes a second to import.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio
import mcp_types as types
import structlog
from mcp import Client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from backend.kit.version import VERSION
from backend.messages import JsonObject
from backend.toolbox.attempt import Attempt, current, made
from backend.toolbox.context import Question
from backend.toolbox.dialling import Transport, Way
from backend.toolbox.events import Events
from backend.toolbox.listing import listed
from backend.toolbox.records import (
    Address,
    CallFailedError,
    Listing,
    Outcome,
    PromptText,
    RemoteTool,
    ResourceText,
    ServerDefinition,
    ServerIdentity,
    UnreachableError,
)
from backend.toolbox.results import outcome_of
from backend.toolbox.texts import prompt_text, resource_text
from backend.toolbox.web_questions import WebQuestions
from backend.toolbox.wire import LARGEST_ANSWER

_CHANGES = (
    types.ToolListChangedNotification,
    types.PromptListChangedNotification,
    types.ResourceListChangedNotification,
)
_LONG = 50_000
"""Characters of a result that are quick enough to look through on the event loop."""

_log = structlog.get_logger()


class Session:
    def __init__(self, client: Client, definition: ServerDefinition, events: Events) -> None:
        self._client = client
        self._definition = definition
        self._events = events
        self.running: set[Attempt] = set()
        self.pages = WebQuestions(definition)
        info = client.server_info
        self.identity = ServerIdentity(
            name=(info.name if info else "")[:200],
            title=((info.title or "") if info else "")[:200],
            version=(info.version if info else "")[:100],
            protocol=client.protocol_version,
        )

    async def listing(self) -> Listing:
        """Raises MCPError, ValidationError, TimeoutError, ProblemError."""
        return await listed(self._client, self._definition.list_seconds)

    async def call(self, tool: RemoteTool, arguments: JsonObject, attempt: Attempt) -> Outcome:
        """Raises CallFailedError, UnreachableError."""

        async def ask() -> types.CallToolResult:
            call = partial(
                self._client.call_tool,
                tool.name,
                arguments,
                progress_callback=attempt.on_progress,
            )
            try:
                return await call()
            except MCPError as error:
                if not await self.pages.cleared(error, attempt):
                    raise
            return await call()

        result = await self._within(attempt, ask)
        if tool.output_schema is None and sum(map(_length, result.content)) < _LONG:
            return outcome_of(result, None)
        return await asyncio.to_thread(outcome_of, result, tool.output_schema)

    async def prompt(self, name: str, arguments: dict[str, str], attempt: Attempt) -> PromptText:
        """Raises CallFailedError, UnreachableError."""
        result = await self._within(attempt, lambda: self._client.get_prompt(name, arguments))
        return prompt_text(result)

    async def resource(self, uri: str, attempt: Attempt) -> ResourceText:
        """Raises CallFailedError, UnreachableError."""
        result = await self._within(attempt, lambda: self._client.read_resource(uri))
        return await asyncio.to_thread(resource_text, result)

    async def _within[T](self, attempt: Attempt, work: Callable[[], Awaitable[T]]) -> T:
        self.running.add(attempt)
        try:
            with made(attempt):
                async with attempt.clock.running():
                    return await work()
        except TimeoutError:
            # A server that hangs may hang for all: look whether it is still there.
            self._events.suspect()
            seconds = attempt.clock.seconds
            raise CallFailedError(f"It gave no answer within {seconds:g} seconds.") from None
        except MCPError as error:
            raise self._failure(error, attempt) from error
        except ValidationError:
            raise CallFailedError("Its answer is not what the protocol allows.") from None
        except (RuntimeError, ExceptionGroup) as error:
            if "did not return structured content" in str(error):
                reason = "It promised a structured answer and gave none."
                raise CallFailedError(reason) from None
            _log.warning("tool_call_broke", server=self._definition.id, kind=type(error).__name__)
            raise CallFailedError("Its answer could not be understood.") from error
        finally:
            self.running.discard(attempt)

    def _failure(self, error: MCPError, attempt: Attempt) -> CallFailedError:
        if attempt.unsigned:
            return CallFailedError(f"{self._definition.name} cannot be used: {attempt.unsigned}.")
        if attempt.refused or error.code == types.UNSUPPORTED_PROTOCOL_VERSION:
            attempt.refused = attempt.refused or "it speaks another version now"
            return UnreachableError(attempt.refused, ends_session=True)
        if attempt.unusable or "byte limit" in error.message:
            too_much = f"larger than {LARGEST_ANSWER // 1_000_000} MB"
            return CallFailedError(f"Its answer is {attempt.unusable or too_much}.")
        if attempt.lost:
            return UnreachableError(attempt.lost)
        if error.code == types.CONNECTION_CLOSED and error.message == "Connection closed":
            if isinstance(self._definition.where, Address) and not attempt.sent:
                attempt.refused = "the connection broke"
            return UnreachableError("the connection broke", ends_session=True)
        if error.code == types.CONNECTION_CLOSED and error.message.startswith("SSE stream"):
            return UnreachableError("the connection broke in the middle of the answer")
        if error.code in (types.METHOD_NOT_FOUND, types.INVALID_PARAMS):
            self._events.changed()  # perhaps it offers something else by now
        return CallFailedError(f"It refused: {error.message[:2000]} (code {error.code}).")

    async def last_answers(self, seconds: float) -> None:
        """Of the calls that are on their way: whether one ran shows in its own answer alone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.running:  # noqa: ASYNC110  # two seconds at most, as a session ends
                    await anyio.sleep(0.02)

    async def follow_changes(self) -> None:
        """Hear of changes for as long as the session lives, where the server tells of them."""
        while True:
            try:
                # The deadline is for the acknowledgement alone; the stream lasts.
                async with asyncio.timeout(10) as deadline:
                    async with self._client.listen(
                        tools_list_changed=True,
                        prompts_list_changed=True,
                        resources_list_changed=True,
                    ) as subscription:
                        deadline.reschedule(None)
                        async for _ in subscription:
                            self._events.changed()
            except (ListenNotSupportedError, TimeoutError):
                return
            except MCPError as error:
                if error.code != types.CONNECTION_CLOSED:
                    return  # it has no such method
            except SubscriptionLost:
                pass
            self._events.suspect()
            await anyio.sleep(2)


def _length(block: types.ContentBlock) -> int:
    match block:
        case types.TextContent(text=text):
            return len(text)
        case types.EmbeddedResource():
            return _LONG
        case types.ImageContent(data=data) | types.AudioContent(data=data):
            return len(data)
        case _:
            return 0


@asynccontextmanager
async def open_session(
    definition: ServerDefinition, way: Way, transport: Transport, events: Events
) -> AsyncGenerator[Session]:
    """Must be entered and left in the same task, which belongs to this session alone: the SDK
    cancels it when a connection breaks. Raises what the SDK raises, often in groups."""
    opened: list[Session] = []

    async def elicit(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        del context
        return await _elicit(opened[0], definition, params) if opened else _CANCELLED

    async def heard(message: object) -> None:
        if isinstance(message, _CHANGES):
            events.changed()
        elif isinstance(message, types.ElicitCompleteNotification) and opened:
            opened[0].pages.finished(message.params.elicitation_id)
        elif isinstance(message, Exception):
            events.puzzled()

    client = Client(
        transport,
        mode=way.mode,
        cache=None,  # the registry is the cache
        client_info=types.Implementation(name="parlor", title="Parlor", version=VERSION),
        elicitation_callback=elicit,
        message_handler=heard,
    )
    async with client, anyio.create_task_group() as group:
        session = Session(client, definition, events)
        opened.append(session)
        group.start_soon(session.follow_changes)
        try:
            yield session
        finally:
            group.cancel_scope.cancel()


_CANCELLED = types.ElicitResult(action="cancel")


async def _elicit(
    session: Session, definition: ServerDefinition, params: types.ElicitRequestParams
) -> types.ElicitResult:
    attempt = current.get()
    if attempt not in session.running:
        # Over pipes and shared streams a question does not say which call it belongs to; where
        # there is only one it is clear.
        if len(session.running) != 1:
            return _CANCELLED
        attempt = next(iter(session.running))
    if isinstance(params, types.ElicitRequestURLParams):
        answer = await session.pages.ask(params, attempt)
    else:
        schema: Any = params.requested_schema
        message = params.message[:4000]
        question = Question(definition.id, definition.name, message, schema=dict(schema))
        answer = await attempt.ask(question)
    content = answer.content if answer.action == "accept" else None
    with suppress(ValidationError):
        return types.ElicitResult(action=answer.action, content=content)
    return _CANCELLED
