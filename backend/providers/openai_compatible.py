"""Any server that speaks the OpenAI protocol: llama.cpp, Ollama, vLLM and their kin."""

from collections.abc import Sequence

from backend.kit.clock import Clock
from backend.messages import Generation, JsonObject, ModelInfo, ModelParameters, ModelRequest
from backend.providers.chat_completions import ChatCompletions
from backend.providers.openai_request import chat_body
from backend.providers.remote import RemoteProvider
from backend.providers.retry import RetryPolicy
from backend.providers.upstream import Upstream

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"} | {
    "xhigh": "high",
    "max": "high",
}
"""Ours -> the three every server knows."""
_EXTRAS = frozenset({"tool_choice", "parallel_tool_calls", "response_format", "logit_bias"})
"""OpenRouter's own would be errors to some."""


class OpenAICompatible(RemoteProvider):
    """`id` is the operator's name for this server, the first part of its model ids."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the protocol's own word
        base_url: str,
        api_key: str = "",
        silence: float = 600,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._id = id
        upstream = Upstream(base_url, api_key=api_key, silence=silence, clock=clock)
        super().__init__(upstream, ChatCompletions(upstream, request_body, policy=policy))

    @property
    def id(self) -> str:
        return self._id

    async def models(self) -> Sequence[ModelInfo]:
        return [
            ModelInfo(
                id=item["id"],
                name=item["id"],
                provider=self._id,
                context_length=_context_length(item),
                # These servers do not say. A model that cannot is asked again without tools.
                supports_tools=True,
                created=item["created"] if isinstance(item.get("created"), int) else None,
            )
            for item in await self._listed()
            if isinstance(item.get("id"), str)
        ]

    async def generation(self, generation_id: str) -> Generation | None:  # noqa: ARG002  # the protocol has it
        return None


def request_body(request: ModelRequest) -> JsonObject:
    extras = {name: value for name, value in request.extras.items() if name in _EXTRAS}
    body = chat_body(request, _known(request.parameters) | extras, with_reasoning=False)
    body["stream_options"] = {"include_usage": True}
    return body


def _known(parameters: ModelParameters) -> JsonObject:
    known = parameters.given()
    known.pop("reasoning", None)
    effort = parameters.reasoning.effort if parameters.reasoning else None
    if effort in _EFFORTS:
        known["reasoning_effort"] = _EFFORTS[effort]
    return known


def _context_length(item: JsonObject) -> int | None:
    """vLLM says `max_model_len`, llama.cpp `meta.n_ctx`; what it was trained with says nothing."""
    meta = item.get("meta")
    served = meta.get("n_ctx") if isinstance(meta, dict) else None
    found = item.get("max_model_len") or item.get("context_length") or served
    return found if isinstance(found, int) else None
