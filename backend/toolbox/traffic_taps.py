"""Where recording listens: to the streams of a child, and to a server's streams of events.

Loaded with the SDK, when the first server is configured.
"""

from types import TracebackType
from typing import Any, Self

from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from backend.toolbox.events import Events


class _Tapped:
    def __init__(self, stream: Any, events: Events) -> None:
        self._stream = stream
        self._events = events

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class Received(_Tapped):
    """The SDK's stream of messages of a child, listened to. The words of one that is no message
    are in the SDK's error."""

    async def receive(self) -> SessionMessage | Exception:
        return self._heard(await self._stream.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._heard(await self._stream.__anext__())

    def _heard(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if (track := self._events.track()) is not None:
            if isinstance(item, SessionMessage):
                track.message("received", _raw(item))
            else:
                track.failure("received", _said(item))
        return item


class Sent(_Tapped):
    """The SDK's stream of messages to a child, listened to."""

    async def send(self, item: SessionMessage, /) -> None:
        if (track := self._events.track()) is not None:
            track.message("sent", _raw(item))
        await self._stream.send(item)


class EventReader:
    """Takes the pieces of a response as they come; finds the events while somebody records."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._line = bytearray()
        self._data: list[bytes] = []
        self._is_partial = False
        """Recording began in the middle, perhaps of an event."""

    def take(self, piece: bytes) -> None:
        if self._events.track() is None:
            self._is_partial = True
            if self._line or self._data:
                self._line, self._data = bytearray(), []
            return
        self._line += piece
        if b"\n" not in piece:
            return
        *lines, rest = self._line.split(b"\n")
        self._line = rest
        for one in lines:
            line = one.rstrip(b"\r")
            if line.startswith(b"data:"):
                self._data.append(bytes(line[5:].removeprefix(b" ")))
            elif not line:
                self._event()

    def _event(self) -> None:
        raw, self._data = b"\n".join(self._data), []
        is_partial, self._is_partial = self._is_partial, False
        track = self._events.track()
        if track is not None and raw and (raw.startswith(b"{") or not is_partial):
            track.message("received", raw)


def _raw(item: SessionMessage) -> bytes:
    return item.message.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _said(error: Exception) -> str:
    """What a child wrote that is no message."""
    if isinstance(error, ValidationError) and (found := error.errors(include_url=False)):
        return f"{found[0]['msg']}: {found[0].get('input')}"
    return str(error) or type(error).__name__
