"""The audit log: for the owner alone, page by page."""

import httpx2
import pytest

from backend.auth.people import User
from backend.container import Services
from tests.api.asking import refused


async def test_the_owner_reads_what_happened_newest_first(
    client: httpx2.AsyncClient, services: Services, owner: User
) -> None:
    mia = await services.auth.add("mia", "correct horse", "Mia", role="child")
    await client.patch(f"/api/people/{mia.id}", json={"disabled": True})
    newest, *_, oldest = (await client.get("/api/audit")).json()["items"]
    assert set(newest) == {"number", "at", "kind", "actor", "subject", "detail", "address"}
    told = (newest["kind"], newest["actor"], newest["subject"], newest["address"])
    assert told == ("person_disabled", "anna", "mia", "127.0.0.1")
    assert (oldest["kind"], oldest["subject"]) == ("owner_made", "anna")


async def test_pages_follow_each_other_to_the_end(
    client: httpx2.AsyncClient, services: Services
) -> None:
    for number in range(4):
        await services.auth.add(f"person{number}", "correct horse", "", role="child")
    numbers, cursor = [], ""
    while cursor is not None:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/audit", params=query)).json()
        numbers += [one["number"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) >= 5


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "limit=0", "limit=201", "limit=x"])
async def test_a_page_that_cannot_be_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    refused(await client.get(f"/api/audit?{query}"), 422, "invalid_input")


async def test_nobody_but_the_owner_reads_it(bob: httpx2.AsyncClient) -> None:
    refused(await bob.get("/api/audit"), 403, "forbidden")
