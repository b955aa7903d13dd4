"""Which provider a model id means."""

import pytest

from backend.providers.base import ProviderAuthError
from backend.providers.shipped import (
    CompatibleOptions,
    OpenRouterOptions,
    Providers,
    build_providers,
    model_id_parts,
)
from tests.fakes.answers import refusal


@pytest.fixture
async def providers(upstream):
    async with build_providers(
        openrouter=OpenRouterOptions("key", base_url=upstream.base_url),
        compatible=[CompatibleOptions("local", upstream.base_url)],
        with_demo=True,
    ) as built:
        yield built


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("vendor/model", ("openrouter", "vendor/model")),
        ("vendor/model:free", ("openrouter", "vendor/model:free")),
        ("openrouter:vendor/model", ("openrouter", "vendor/model")),
        ("local:qwen3:8b", ("local", "qwen3:8b")),
        ("demo:parlor", ("demo", "parlor")),
        ("local:", ("openrouter", "local:")),
        ("nobody:model", ("openrouter", "nobody:model")),
    ],
)
async def test_the_part_before_the_first_colon_names_the_provider(providers, model, parts):
    assert model_id_parts(model, providers.by_id) == parts
    provider, local_id = providers.resolve(model)
    assert (provider.id, local_id) == parts


async def test_without_any_key_there_is_the_demo():
    async with build_providers() as providers:
        assert providers.is_demo
        assert providers.resolve("demo:parlor")[0] is providers.default


async def test_one_list_that_fails_hides_no_other(upstream, providers):
    upstream.lookups.append(refusal(401, "no"))
    found = await providers.models()
    assert list(found) == ["openrouter", "local", "demo"]
    errors = [each for each in found.values() if isinstance(each, ProviderAuthError)]
    assert len(errors) == 1
    assert found["demo"][0].id == "parlor"


async def test_two_providers_cannot_share_a_name():
    twice = [CompatibleOptions("local", "http://127.0.0.1:1")] * 2
    with pytest.raises(ValueError, match="same id"):
        build_providers(compatible=twice)
    with pytest.raises(ValueError, match="At least one"):
        Providers([])
