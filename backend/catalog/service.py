"""Models on offer: kept in memory, refreshed in the background, never in anybody's way."""

from datetime import datetime, timedelta

import structlog

from backend.catalog.store import CatalogStore
from backend.kit.backoff import Backoff
from backend.kit.clock import Clock
from backend.kit.errors import NotFoundError
from backend.messages import ModelInfo
from backend.providers.base import ModelProvider, ProviderError
from backend.providers.shipped import Providers

_REFRESH_SECONDS = 600
_STALE = timedelta(seconds=3 * _REFRESH_SECONDS)

_log = structlog.get_logger()


class ModelUnknownError(NotFoundError):
    code = "model_unknown"


class Catalog:
    """Ids here are ours: plain for the default provider, `provider:...` for the others."""

    def __init__(
        self, providers: Providers, store: CatalogStore, clock: Clock, *, default_model: str | None
    ) -> None:
        self._providers = providers
        self._store = store
        self._clock = clock
        self._chosen_default = default_model
        self._models: dict[str, ModelInfo] = {}
        self._fetched: dict[str, datetime] = {}
        self._failures: dict[str, str] = {}
        self._soon = Backoff(first=2, most=30, later=_REFRESH_SECONDS)

    @property
    def default_model(self) -> str:
        """The operator's choice, else the default provider's router or its first model."""
        if self._chosen_default:
            return self._chosen_default
        provider = self._providers.default
        if provider.id == "openrouter":
            return "openrouter/auto"
        if provider.id == "demo":
            return "demo:parlor"
        offered = (model.id for model in self._models.values() if model.provider == provider.id)
        return next(offered, f"{provider.id}:default")

    @property
    def is_demo(self) -> bool:
        """True when nothing but the demo can answer."""
        return self._providers.is_demo

    @property
    def failures(self) -> dict[str, str]:
        """Provider id -> why its list could not be fetched last time; "" when it could."""
        return {one: self._failures.get(one, "") for one in self._providers.by_id}

    @property
    def is_stale(self) -> bool:
        """True when a provider's list was never fetched, or not for half an hour."""
        oldest = self._clock.now() - _STALE
        return any(self._fetched.get(one, oldest) <= oldest for one in self._providers.by_id)

    def models(self, *, search: str = "", tools_only: bool = False) -> list[ModelInfo]:
        """Every word of `search` must occur in id, name or description."""
        words = search.casefold().split()
        return [
            model
            for model in self._models.values()
            if (model.supports_tools or not tools_only) and _mentions(model, words)
        ]

    def find(self, model_id: str) -> ModelInfo | None:
        """What is known of a model; a variant (`:free`) has its base model's facts."""
        return self._models.get(model_id) or self._models.get(model_id.rpartition(":")[0])

    def check(self, model_id: str) -> None:
        """Raises ModelUnknownError when its provider's list is known and lacks the model."""
        provider, local = self.resolve(model_id)
        listed = provider.id in self._fetched
        routed = local.startswith(("openrouter/", "@preset/", "~"))
        if listed and not routed and self.find(model_id) is None:
            raise ModelUnknownError(f"No provider offers a model named {model_id[:200]!r}.")

    def resolve(self, model_id: str) -> tuple[ModelProvider, str]:
        """The provider of a model and its own id for it."""
        return self._providers.resolve(model_id)

    async def load(self) -> None:
        """The lists of the last run; call before `refresh`."""
        for provider_id, (models, fetched_at) in (await self._store.load()).items():
            if provider_id in self._providers.by_id:
                self._put(provider_id, models, fetched_at)

    async def refresh(self) -> None:
        """Ask every provider; one that fails keeps its old list."""
        for provider_id, offered in (await self._providers.models()).items():
            if isinstance(offered, ProviderError):
                self._failures[provider_id] = offered.detail
                _log.warning("models_not_fetched", provider=provider_id, code=offered.code)
                continue
            self._failures.pop(provider_id, None)
            models = [_with_our_id(provider_id, model) for model in offered]
            now = self._clock.now()
            self._put(provider_id, models, now)
            await self._store.save(provider_id, models, now)

    def rest(self) -> float:
        """Seconds until the next refresh: few while a provider was never heard, which after a power
        cut is up later than we are."""
        if self._providers.by_id.keys() <= self._fetched.keys():
            self._soon.reset()
            return _REFRESH_SECONDS
        return self._soon.next()

    def _put(self, provider_id: str, models: list[ModelInfo], fetched_at: datetime) -> None:
        others = {one.id: one for one in self._models.values() if one.provider != provider_id}
        self._models = others | {model.id: model for model in models}
        self._fetched[provider_id] = fetched_at


def _mentions(model: ModelInfo, words: list[str]) -> bool:
    text = f"{model.id} {model.name} {model.description}".casefold()
    return all(word in text for word in words)


def _with_our_id(provider_id: str, model: ModelInfo) -> ModelInfo:
    """OpenRouter's ids are known everywhere and stay plain; others say where they come from."""
    our_id = model.id if provider_id == "openrouter" else f"{provider_id}:{model.id}"
    return model.model_copy(update={"id": our_id, "provider": provider_id})
