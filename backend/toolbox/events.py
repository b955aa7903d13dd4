"""What a session tells whoever keeps it."""

from typing import Protocol


class Events(Protocol):
    def changed(self) -> None:
        """The server says that what it offers is different now."""
        ...

    def suspect(self) -> None:
        """A stream ended; perhaps the server is gone."""
        ...

    def puzzled(self) -> None:
        """It said something that is not MCP."""
        ...

    def broken(self) -> None:
        """What was sent did not arrive, and the SDK would wait for the answer all the same."""
        ...
