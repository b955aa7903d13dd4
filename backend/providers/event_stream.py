"""Server-sent events, reading side: bytes as they arrive -> data payloads.

The split of the bytes never matters. Lines end with LF or CRLF; a lone CR does not end a line
(no provider sends it, and telling it from a CRLF cut in two would cost a look-ahead per read).
"""

from backend.providers.base import GarbledAnswerError

MAX_EVENT_BYTES = 32 * 1024 * 1024
"""More than any answer needs: a stream without line breaks must not fill the memory."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventStreamParser:
    """One response. `feed` every read, then `end` once."""

    __slots__ = ("_data", "_pieces", "_waiting")

    def __init__(self) -> None:
        self._data: list[bytes] = []
        """`data` lines of the event that is not closed by an empty line yet."""
        self._pieces: list[bytes] = []
        """Reads that belong to a line without its end; joined once, so long lines stay linear."""
        self._waiting = 0
        """Bytes read since the last complete event."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads that are complete now."""
        if _is_one_event(chunk) and not (self._pieces or self._data):
            return [chunk[6:-2]]  # as nearly every read is
        return self._feed_lines(chunk)

    def _feed_lines(self, chunk: bytes) -> list[bytes]:
        end = chunk.rfind(b"\n")
        if end < 0:
            self._pieces.append(chunk)
            self._count(chunk)
            return []
        lines = chunk[:end]
        if self._pieces:
            self._pieces.append(lines)
            lines = b"".join(self._pieces)
            self._pieces.clear()
        payloads: list[bytes] = []
        data = self._data
        for line in lines.split(b"\n"):
            if line.startswith(b"data: "):
                data.append(line[6:-1] if line.endswith(b"\r") else line[6:])
            elif not line or line == b"\r":
                if data:
                    payloads.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            else:
                self._rare_line(line)
        if end + 1 < len(chunk):
            self._pieces.append(chunk[end + 1 :])
        if payloads or not (data or self._pieces):
            self._waiting = 0
        else:
            self._count(chunk)
        return payloads

    def end(self) -> list[bytes]:
        """What a stream that ends without its last empty line still holds."""
        return self.feed(b"\n\n")

    def _count(self, chunk: bytes) -> None:
        self._waiting += len(chunk)
        if self._waiting > MAX_EVENT_BYTES:
            raise GarbledAnswerError("The provider sent one endless line instead of an answer.")

    def _rare_line(self, line: bytes) -> None:
        """Comments and unknown fields mean nothing; some servers put errors outside of `data`."""
        line = line.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\r")
        if line.startswith((b"{", b"<")):
            self._data.append(line)
            return
        field, _, value = line.partition(b":")
        if field in (b"data", b"error"):
            self._data.append(value.removeprefix(b" "))


def _is_one_event(chunk: bytes) -> bool:
    return (
        chunk.startswith(b"data: ")
        and chunk.find(b"\n") == len(chunk) - 2
        and chunk.endswith(b"\n")
        and chunk[-3:-2] != b"\r"
    )
