"""What an answer that was cut short really cost: the provider's books say it a moment later."""

from backend.kit.schedule import pause
from backend.messages import Usage
from backend.providers.base import ModelProvider, ProviderError

_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 25.0)
"""Books are written a moment after a cancellation; together just under a minute."""


async def late_usage(provider: ModelProvider, generation_id: str) -> Usage | None:
    """What the books say of one answer, asked until they know; None when they never do."""
    for delay in _DELAYS:
        await pause(delay)
        try:
            found = await provider.generation(generation_id)
        except ProviderError:
            continue
        if found and found.total_cost is not None:
            return Usage(
                prompt_tokens=found.prompt_tokens or 0,
                completion_tokens=found.completion_tokens or 0,
                reasoning_tokens=found.reasoning_tokens or 0,
                cached_tokens=found.cached_tokens or 0,
                cost=found.total_cost,
            )
    return None
