"""When a failed question may be asked again: before the first output, twice, and politely."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend.kit.schedule import pause
from backend.providers.base import (
    EmptyAnswerError,
    ProviderBusyError,
    ProviderError,
    ProviderNotice,
    ProviderUnreachableError,
)
from backend.providers.refusal_words import LengthReachedError, ProviderSilentError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    back_off: tuple[float, ...] = (0.5, 1.5)
    """Seconds before each further try when the provider names none; as many tries as entries."""
    longest_wait: float = 20
    """A provider that asks for more is not waited for: the person decides."""
    pause: Callable[[float], Awaitable[None]] = pause
    jitter: Callable[[], float] = random.random


@dataclass(slots=True)
class Tries:
    """The further tries of one question."""

    policy: RetryPolicy
    failed: int = 0
    empty: int = 0

    def wait_after(self, error: ProviderError) -> float | None:
        """Seconds to wait before the next try; None when there is none."""
        if isinstance(error, ProviderSilentError | LengthReachedError):
            return None
        if isinstance(error, EmptyAnswerError):
            self.empty += 1
            return 0 if self.empty == 1 else None
        if not isinstance(error, ProviderBusyError | ProviderUnreachableError):
            return None
        if self.failed >= len(self.policy.back_off):
            return None
        wait = self.policy.back_off[self.failed] * (1 + self.policy.jitter() / 2)
        self.failed += 1
        if error.retry_after is None:
            return wait
        return error.retry_after if error.retry_after <= self.policy.longest_wait else None


def retrying(error: ProviderError, wait: float) -> ProviderNotice:
    when = f"in {wait:.0f} s" if wait >= 1 else "now"
    return ProviderNotice("retrying", f"{error.detail} Trying again {when}.")
