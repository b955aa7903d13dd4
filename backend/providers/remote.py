"""What every provider has that is a server somewhere and speaks OpenAI's chat completions."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Self

from backend.messages import ModelRequest
from backend.providers.base import ModelEvent
from backend.providers.chat_completions import ChatCompletions
from backend.providers.errors import garbled
from backend.providers.upstream import Upstream


class RemoteProvider:
    """It owns its connections: close it with `aclose`."""

    def __init__(self, upstream: Upstream, chat: ChatCompletions) -> None:
        self._upstream = upstream
        self._chat = chat

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        return self._chat.stream(request)

    async def _listed(self) -> list[dict[str, Any]]:
        """Its list of models as it says it. Raises ProviderError."""
        listed = (await self._upstream.get("/models")).get("data")
        if not isinstance(listed, list):
            raise garbled("a list of models without models")
        return [item for item in listed if isinstance(item, dict)]
