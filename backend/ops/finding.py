"""What was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from typing import Literal, override

type FindingState = Literal["ok", "attention", "off"]
"""`off`: not configured, or switched off, which is no illness."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Whole sentences. In `fix` what is typed stands between backticks."""

    words: str
    fix: str

    @override
    def __str__(self) -> str:
        return f"{self.words} {self.fix}".strip()


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix`: what to do, or to set where it is off; as a problem's, "" where there is nothing."""

    id: str
    title: str
    state: FindingState
    words: str
    fix: str

    @property
    def problem(self) -> str:
        """What is wrong and what to do; "" when nothing is."""
        return f"{self.words} {self.fix}".strip() if self.state == "attention" else ""


def judged(name: str, title: str, problem: Problem | None, well: str) -> Finding:
    if problem:
        return Finding(name, title, "attention", problem.words, problem.fix)
    return Finding(name, title, "ok", well, "")
