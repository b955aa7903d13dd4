"""What a session tells whoever keeps it."""

from collections.abc import Callable
from typing import Protocol

from backend.toolbox.traffic import Track


class Events(Protocol):
    def track(self) -> Track | None:
        """Where what is said is recorded, while somebody does."""
        ...

    def changed(self) -> None:
        """The server says that what it offers is different now."""
        ...

    def suspect(self) -> None:
        """A stream ended; perhaps the server is gone."""
        ...

    def puzzled(self) -> None:
        """It said something that is not MCP."""
        ...

    def watches(self, has_ended: Callable[[], bool]) -> None:
        """It is a process, and this tells whether it is one no more."""
        ...

    def ended(self) -> None:
        """The process is no more."""
        ...

    def broken(self) -> None:
        """What was sent did not arrive, and the SDK would wait for the answer all the same."""
        ...
