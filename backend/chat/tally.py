"""What turns came to since this process started, for whoever watches: counted at each turn's end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.chat.events import EndStatus
from backend.messages import Usage


@dataclass(slots=True)
class Tally:
    turns: Counter[str] = field(default_factory=Counter)
    """By how they ended."""
    tokens: Counter[str] = field(default_factory=Counter)
    tool_calls: Counter[str] = field(default_factory=Counter)
    """By outcome: ok, error."""
    cost: float = 0.0
    """US dollars, as far as providers say."""

    def ended(self, status: EndStatus, usage: Usage | None, tool_calls: Mapping[str, int]) -> None:
        self.turns[status] += 1
        self.tool_calls.update(tool_calls)
        if usage:
            self.used(usage)

    def used(self, usage: Usage) -> None:
        self.tokens["prompt"] += usage.prompt_tokens
        self.tokens["completion"] += usage.completion_tokens
        self.tokens["reasoning"] += usage.reasoning_tokens
        self.tokens["cached"] += usage.cached_tokens
        self.cost += usage.cost or 0.0
