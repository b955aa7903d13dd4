from collections.abc import AsyncGenerator

import pytest

from backend.providers.openai_compatible import OpenAICompatible
from backend.providers.openrouter import OpenRouter
from backend.providers.retry import RetryPolicy
from tests.fakes.upstream import FakeUpstream
from tests.providers.asking import KEY, NOON, StillClock, Waits


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def upstream() -> AsyncGenerator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def policy(waits: Waits) -> RetryPolicy:
    """Real decisions, no real waiting, no chance."""
    return RetryPolicy(pause=waits, jitter=lambda: 0.0)


@pytest.fixture
async def openrouter(upstream: FakeUpstream, policy: RetryPolicy) -> AsyncGenerator[OpenRouter]:
    async with OpenRouter(
        api_key=KEY,
        base_url=upstream.base_url,
        app_url="https://example.org/parlor",
        policy=policy,
        clock=StillClock(NOON),
    ) as provider:
        yield provider


@pytest.fixture
async def compatible(
    upstream: FakeUpstream, policy: RetryPolicy
) -> AsyncGenerator[OpenAICompatible]:
    async with OpenAICompatible(id="local", base_url=upstream.base_url, policy=policy) as provider:
        yield provider
