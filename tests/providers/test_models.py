"""Lists of models and books."""

import pytest

from backend.providers.base import GarbledAnswerError, ProviderAuthError
from tests.fakes.answers import raw, refusal

LISTED = {
    "id": "vendor/model:free",
    "canonical_slug": "vendor/model-1",
    "name": "Vendor: Model",
    "created": 1763000000,
    "description": "A model.",
    "context_length": 131072,
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "pricing": {"prompt": "0.0000003", "completion": "0.0000015", "request": "0"},
    "top_provider": {"context_length": 131072, "max_completion_tokens": 8192},
    "supported_parameters": ["tools", "temperature"],
    "expiration_date": "2027-01-31",
    "something_new": [1, 2, 3],
}


async def test_openrouters_models_are_read_with_prices_per_million(upstream, openrouter):
    upstream.models = [LISTED]
    (model,) = await openrouter.models()
    assert (model.id, model.name, model.provider) == (
        "vendor/model:free",
        "Vendor: Model",
        "openrouter",
    )
    assert (model.prompt_price, model.completion_price) == (0.3, 1.5)
    assert (model.context_length, model.max_output_tokens) == (131072, 8192)
    assert model.input_modalities == ("text", "image")
    assert model.supports_tools
    assert (model.created, model.expires) == (1763000000, "2027-01-31")


async def test_what_a_list_leaves_out_is_unknown_and_not_free(upstream, openrouter):
    router = {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}
    upstream.models = [
        {"id": "bare/model"},
        router,
        {"name": "no id"},
        {"id": "x/y", "pricing": None},
        {"id": "odd/price", "pricing": {"prompt": "1e999999", "completion": "sNaN"}},
    ]
    bare, auto, other, odd = await openrouter.models()
    assert (bare.prompt_price, bare.context_length, bare.supports_tools) == (None, None, False)
    assert auto.prompt_price is None
    assert other.name == "x/y"
    assert (odd.prompt_price, odd.completion_price) == (None, None)


async def test_local_servers_models_are_read_in_each_dialect(upstream, compatible):
    upstream.models = [
        {"id": "qwen3:8b", "object": "model", "created": 1763000000, "owned_by": "library"},
        {"id": "vllm-model", "max_model_len": 32768},
        {"id": "llama.gguf", "meta": {"n_ctx": 8192, "n_ctx_train": 131072}},
    ]
    models = await compatible.models()
    assert [model.id for model in models] == ["qwen3:8b", "vllm-model", "llama.gguf"]
    assert [model.context_length for model in models] == [None, 32768, 8192]
    assert {model.provider for model in models} == {"local"}
    assert all(model.supports_tools for model in models)


async def test_a_refused_list_is_a_typed_error(upstream, openrouter):
    upstream.lookups.append(refusal(401, "no"))
    with pytest.raises(ProviderAuthError):
        await openrouter.models()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"models": []}'])
async def test_a_list_that_is_none_is_a_typed_error(upstream, compatible, body):
    upstream.lookups.append(raw(body, content_type="application/json"))
    with pytest.raises(GarbledAnswerError):
        await compatible.models()


async def test_the_books_tell_the_true_cost_of_a_cancelled_answer(upstream, openrouter):
    upstream.generations["gen-1"] = {
        "id": "gen-1",
        "model": "vendor/model",
        "provider_name": "Vendor",
        "total_cost": 0.0015,
        "cancelled": True,
        "native_tokens_prompt": 10,
        "native_tokens_completion": 25,
        "native_tokens_reasoning": 5,
        "native_tokens_cached": 0,
        "finish_reason": None,
        "latency": 850,
        "generation_time": 1200,
    }
    books = await openrouter.generation("gen-1")
    assert books is not None
    assert (books.total_cost, books.cancelled, books.completion_tokens) == (0.0015, True, 25)
    assert books.finish_reason is None
    assert (books.latency, books.provider_name) == (850, "Vendor")


async def test_books_that_are_not_written_yet_are_none(openrouter):
    assert await openrouter.generation("gen-2") is None
