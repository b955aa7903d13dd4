"""What the load client is told to do and what it answers: JSON lines over its pipes."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

type Wire = Literal["openai", "parlor", "plain"]


@dataclass(frozen=True, slots=True)
class Job:
    """`slots` connections, each sending `repeat` requests one after the other.

    `@N@` in the body becomes a number that is different for each request. With `until`, an answer
    counts as complete when these bytes have come; with `hold`, connections stay open for that many
    seconds after the last of them reached that point.
    """

    port: int
    method: str = "POST"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    wire: Wire = "plain"
    slots: int = 1
    repeat: int = 1
    stagger_ms: float = 0
    tokens: int = 0
    until: str = ""
    hold: float = 0
    timeout: float = 60

    def dump(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times in milliseconds. `problem` is empty when every answer was complete and right."""

    problem: str
    requests: int
    seconds: float
    first: list[float]
    """Request sent to first token (or first byte of the body), one per request."""
    total: list[float]
    """Request sent to the end of the answer, one per request."""
    tokens: int
    delay_p50: float
    delay_p99: float
    """Age of a token when the client read it."""
    bytes: int
    cpu_share: float
    """Of one core, the load client's own."""
    sample: dict[str, str]
    """Conversation and turn of the first Parlor stream, and its whole text."""

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0
