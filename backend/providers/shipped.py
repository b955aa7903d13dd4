"""Which providers there are, and which of them a model id means."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol, Self

from backend.messages import ModelInfo
from backend.providers.base import ModelProvider, ProviderError
from backend.providers.demo import DemoProvider
from backend.providers.openai_compatible import OpenAICompatible
from backend.providers.openrouter import BASE_URL, OpenRouter


class ShippedProvider(ModelProvider, Protocol):
    """A provider that owns connections."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OpenRouterOptions:
    api_key: str = field(repr=False)
    base_url: str = BASE_URL
    app_url: str | None = ""
    """The project's public page; None switches attribution off."""
    silence: float = 600


@dataclass(frozen=True, slots=True)
class CompatibleOptions:
    """An OpenAI-compatible server; `id` is the first part of its model ids."""

    id: str
    base_url: str
    api_key: str = field(default="", repr=False)
    silence: float = 600


class Providers:
    """All configured providers by id; the first one is the default."""

    def __init__(self, providers: Sequence[ShippedProvider]) -> None:
        if not providers:
            raise ValueError("At least one provider is needed; the demo always can be.")
        self.by_id: Mapping[str, ShippedProvider] = {each.id: each for each in providers}
        if len(self.by_id) < len(providers):
            raise ValueError("Two providers have the same id.")
        self.default: ShippedProvider = providers[0]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            for provider in self.by_id.values():
                stack.push_async_callback(provider.aclose)

    @property
    def is_demo(self) -> bool:
        """Only the demo is configured."""
        return tuple(self.by_id) == ("demo",)

    def resolve(self, model: str) -> tuple[ShippedProvider, str]:
        """The provider and its own id of a model."""
        provider_id, local_id = model_id_parts(model, self.by_id)
        return self.by_id[provider_id], local_id

    async def models(self) -> Mapping[str, Sequence[ModelInfo] | ProviderError]:
        """Every provider's list, or why it has none; one that is down hides no other."""
        found = await asyncio.gather(*(_models_of(each) for each in self.by_id.values()))
        return dict(zip(self.by_id, found, strict=True))


def model_id_parts(model: str, providers: Mapping[str, object]) -> tuple[str, str]:
    """`local:llama3:8b` -> ("local", "llama3:8b"). Ids that name no provider are the first one's."""
    prefix, colon, rest = model.partition(":")
    if colon and rest and prefix in providers:
        return prefix, rest
    return next(iter(providers)), model


async def _models_of(provider: ModelProvider) -> Sequence[ModelInfo] | ProviderError:
    try:
        return await provider.models()
    except ProviderError as error:
        return error


def build_providers(
    *,
    openrouter: OpenRouterOptions | None = None,
    compatible: Sequence[CompatibleOptions] = (),
    with_demo: bool = False,
) -> Providers:
    """What is configured, in this order; the demo where it is wanted or nothing else is there."""
    providers: list[ShippedProvider] = []
    if openrouter:
        providers.append(
            OpenRouter(
                api_key=openrouter.api_key,
                base_url=openrouter.base_url,
                app_url=openrouter.app_url,
                silence=openrouter.silence,
            )
        )
    providers.extend(
        OpenAICompatible(
            id=server.id,
            base_url=server.base_url,
            api_key=server.api_key,
            silence=server.silence,
        )
        for server in compatible
    )
    if with_demo or not providers:
        providers.append(DemoProvider())
    return Providers(providers)
