"""OpenRouter: hundreds of models behind one key, with costs, routing and reasoning blocks."""

from collections.abc import Sequence
from decimal import Decimal

from backend.kit.clock import Clock
from backend.messages import Generation, JsonObject, ModelInfo, ModelRequest
from backend.providers.base import ModelNotFoundError
from backend.providers.chat_completions import ChatCompletions
from backend.providers.openai_request import chat_body
from backend.providers.remote import RemoteProvider
from backend.providers.retry import RetryPolicy
from backend.providers.upstream import Upstream

BASE_URL = "https://openrouter.ai/api/v1"
TITLE = "Parlor"
MAX_SESSION_ID = 256
_PAID_CACHE = ("anthropic/", "~anthropic/")
"""Models whose prompt cache works only when it is asked for."""


class OpenRouter(RemoteProvider):
    """`app_url`: the project's public page, for attribution; never the household's own host.

    None switches attribution off altogether; an empty text leaves the page out.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = BASE_URL,
        app_url: str | None = "",
        silence: float = 600,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        headers: dict[str, str] = {}
        if app_url is not None:
            headers["X-OpenRouter-Title"] = TITLE
        if app_url:
            headers["HTTP-Referer"] = app_url
        upstream = Upstream(
            base_url, api_key=api_key, headers=headers, silence=silence, clock=clock
        )
        chat = ChatCompletions(upstream, request_body, policy=policy, id_header="X-Generation-Id")
        super().__init__(upstream, chat)

    @property
    def id(self) -> str:
        return "openrouter"

    async def models(self) -> Sequence[ModelInfo]:
        return [_model(item) for item in await self._listed() if item.get("id")]

    async def generation(self, generation_id: str) -> Generation | None:
        try:
            found = (await self._upstream.get("/generation", {"id": generation_id})).get("data")
        except ModelNotFoundError:
            return None  # 404: not written yet
        return _generation(generation_id, found) if isinstance(found, dict) else None


def request_body(request: ModelRequest) -> JsonObject:
    parameters = request.parameters.given() | request.extras
    body = chat_body(request, parameters, with_reasoning=True)
    if request.model.startswith(_PAID_CACHE):
        body["cache_control"] = {"type": "ephemeral"}
    if request.session_id:
        body["session_id"] = request.session_id[:MAX_SESSION_ID]
    return body


def _model(item: JsonObject) -> ModelInfo:
    architecture, pricing = _object(item.get("architecture")), _object(item.get("pricing"))
    top = _object(item.get("top_provider"))
    supported = _texts(item.get("supported_parameters"))
    return ModelInfo(
        id=str(item["id"]),
        name=_text(item.get("name")) or str(item["id"]),
        provider="openrouter",
        description=_text(item.get("description")) or "",
        context_length=_count(item.get("context_length")) or _count(top.get("context_length")),
        max_output_tokens=_count(top.get("max_completion_tokens")),
        input_modalities=_texts(architecture.get("input_modalities")) or ("text",),
        output_modalities=_texts(architecture.get("output_modalities")) or ("text",),
        supported_parameters=supported,
        supports_tools="tools" in supported,
        prompt_price=_per_million(pricing.get("prompt")),
        completion_price=_per_million(pricing.get("completion")),
        created=_count(item.get("created")),
        expires=_text(item.get("expiration_date")),
    )


def _generation(generation_id: str, found: JsonObject) -> Generation:
    cancelled = found.get("cancelled")
    return Generation(
        id=generation_id,
        model=_text(found.get("model")),
        provider_name=_text(found.get("provider_name")),
        total_cost=_number(found.get("total_cost")),
        prompt_tokens=_count(found.get("native_tokens_prompt")),
        completion_tokens=_count(found.get("native_tokens_completion")),
        reasoning_tokens=_count(found.get("native_tokens_reasoning")),
        cached_tokens=_count(found.get("native_tokens_cached")),
        cancelled=cancelled if isinstance(cancelled, bool) else None,
        finish_reason=_text(found.get("finish_reason")),
        latency=_number(found.get("latency")),
        generation_time=_number(found.get("generation_time")),
    )


def _per_million(price: object) -> float | None:
    """Prices are texts in dollars per token; below zero means "depends" (routers)."""
    try:
        value = Decimal(str(price)) * 1_000_000
    except ArithmeticError:
        return None
    return float(value) if value.is_finite() and value >= 0 else None


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None
