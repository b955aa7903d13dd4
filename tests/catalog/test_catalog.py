"""Models on offer: known without asking, refreshed behind people's backs."""

import pytest

from backend.catalog.service import Catalog, ModelUnknownError
from backend.catalog.store import CatalogStore
from backend.db.database import open_database
from backend.messages import ModelInfo
from backend.providers.base import ProviderUnreachableError
from backend.providers.demo import DemoProvider
from backend.providers.shipped import Providers
from tests.fakes.clock import StillClock
from tests.fakes.scripted import ScriptedProvider

SMALL = ModelInfo(id="small", name="Small one", provider="", description="Quick and cheap")
LARGE = ModelInfo(
    id="large", name="Large one", provider="", supports_tools=True, context_length=1000
)


@pytest.fixture
async def offering():
    return ScriptedProvider(SMALL, LARGE)


@pytest.fixture
async def store(tmp_path):
    async with open_database(tmp_path / "test.db") as database:
        yield CatalogStore(database)


@pytest.fixture
async def open_catalog(offering, store, clock):
    def opened(**more) -> Catalog:
        providers = Providers([offering, DemoProvider()])
        return Catalog(providers, store, clock, **{"default_model": None} | more)

    return opened


def ids(models) -> list[str]:
    return [model.id for model in models]


async def test_models_are_named_after_their_provider(open_catalog):
    catalog = open_catalog()
    await catalog.refresh()
    assert ids(catalog.models()) == ["scripted:small", "scripted:large", "demo:parlor"]
    assert {model.provider for model in catalog.models()} == {"scripted", "demo"}


async def test_search_and_tools_narrow_the_list(open_catalog):
    catalog = open_catalog()
    await catalog.refresh()
    assert ids(catalog.models(search="ONE quick")) == ["scripted:small"]
    assert "scripted:small" not in ids(catalog.models(tools_only=True))


async def test_the_lists_of_the_last_run_are_there_before_anybody_is_asked(open_catalog, offering):
    await open_catalog().refresh()
    offering.offered = ProviderUnreachableError("It is down.")
    catalog = open_catalog()
    assert catalog.models() == []
    await catalog.load()
    assert "scripted:large" in ids(catalog.models())
    await catalog.refresh()
    assert "scripted:large" in ids(catalog.models())
    assert catalog.failures["scripted"] == "It is down."
    assert catalog.failures["demo"] == ""


async def test_a_list_that_another_release_wrote_is_fetched_anew(open_catalog, store, offering):
    await open_catalog().refresh()
    await store._database.write(
        lambda c: c.execute(
            "UPDATE model_lists SET models = '[{\"no\": 1}]' WHERE provider = 'scripted'"
        )
    )
    catalog = open_catalog()
    await catalog.load()
    assert ids(catalog.models()) == ["demo:parlor"]
    await catalog.refresh()
    assert "scripted:small" in ids(catalog.models())


async def test_a_list_grows_stale(open_catalog, clock: StillClock, offering):
    catalog = open_catalog()
    assert catalog.is_stale
    await catalog.refresh()
    assert not catalog.is_stale
    offering.offered = ProviderUnreachableError("It is down.")
    clock.forward(hours=1)
    await catalog.refresh()
    assert catalog.is_stale


async def test_a_provider_that_was_never_heard_is_asked_again_soon(open_catalog, offering):
    offered, offering.offered = offering.offered, ProviderUnreachableError("It is not up yet.")
    catalog = open_catalog()
    await catalog.refresh()
    rests = [catalog.rest() for _ in range(20)]
    assert rests[0] < 3
    assert sum(rests[:4]) < 40
    assert 400 < rests[-1] < 800  # one that is gone for good
    offering.offered = offered
    await catalog.refresh()
    assert catalog.rest() == 600
    offering.offered = ProviderUnreachableError("It is down.")
    await catalog.refresh()
    assert catalog.rest() == 600  # its list is known


async def test_an_unknown_model_is_refused_once_the_list_is_known(open_catalog):
    catalog = open_catalog()
    catalog.check("scripted:other")  # nobody knows yet
    await catalog.refresh()
    catalog.check("scripted:large")
    catalog.check("scripted:large:free")  # a variant of it
    for unknown in ("scripted:other", "demo:other", "other"):
        with pytest.raises(ModelUnknownError) as refused:
            catalog.check(unknown)
        assert refused.value.code == "model_unknown"


async def test_a_variant_has_the_facts_of_its_model(open_catalog):
    catalog = open_catalog()
    await catalog.refresh()
    found = catalog.find("scripted:large:thinking")
    assert found is not None
    assert found.context_length == 1000
    assert catalog.find("scripted:none") is None


async def test_the_operators_choice_is_the_default(open_catalog):
    assert open_catalog(default_model="demo:parlor").default_model == "demo:parlor"
    catalog = open_catalog()
    assert catalog.default_model == "scripted:default"
    await catalog.refresh()
    assert catalog.default_model == "scripted:small"
    assert not catalog.is_demo
