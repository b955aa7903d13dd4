"""What is remembered belongs to its person: they read it, change it, and it goes when they go."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from backend.auth.people import Caller, Origin, User
from backend.container import Services
from backend.memory.records import LONGEST
from backend.memory.service import Memories
from backend.memory.store import MemoryStore
from tests.api.asking import Reader, refused
from tests.api.conftest import sign_in
from tests.api.serving import serving, with_services
from tests.conftest import PASSWORD, USERNAME
from tests.fakes.clock import StillClock
from tests.fakes.scripted import text
from tests.fakes.waiting import until
from tests.memory.diary import Diary

MEMORIES = "/api/memories"


@pytest.fixture
async def screen(app, services: Services, owner: User) -> AsyncGenerator[httpx2.AsyncClient]:
    """The owner, at a real server: streams arrive as they are sent."""
    async with (
        serving(with_services(app, services)) as address,
        httpx2.AsyncClient(base_url=address, timeout=5) as client,
    ):
        await sign_in(client, USERNAME)
        yield client


async def test_a_person_reads_adds_and_deletes(client: httpx2.AsyncClient):
    first = (await client.post(MEMORIES, json={"text": "  Likes\n tea "})).json()
    made = await client.post(MEMORIES, json={"text": "Lives in Oslo"})
    assert made.status_code == 201
    assert first == first | {"text": "Likes tea", "conversation_id": None}
    assert (await client.get(MEMORIES)).json() == {"items": [made.json(), first]}
    assert (await client.delete(f"{MEMORIES}/{first['id']}")).status_code == 204
    refused(await client.delete(f"{MEMORIES}/{first['id']}"), 404, "not_found")
    assert (await client.delete(MEMORIES)).status_code == 204
    assert (await client.get(MEMORIES)).json() == {"items": []}


async def test_the_same_words_are_kept_once(client: httpx2.AsyncClient):
    first = await client.post(MEMORIES, json={"text": "Likes tea"})
    again = await client.post(MEMORIES, json={"text": "Likes  tea"})
    assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize("body", [{"text": ""}, {"text": "x" * (LONGEST + 1)}, {"txt": "x"}, {}])
async def test_what_is_no_memory_is_refused(client: httpx2.AsyncClient, body: object):
    assert (await client.post(MEMORIES, json=body)).status_code in (400, 422)
    assert (await client.get(MEMORIES)).json() == {"items": []}


async def test_a_text_that_shows_nothing_is_refused(client: httpx2.AsyncClient):
    refused(await client.post(MEMORIES, json={"text": "\u200b\u2060"}), 422, "invalid_input")


async def test_all_screens_of_the_person_hear_of_a_change(
    screen: httpx2.AsyncClient, services: Services, diary: Diary
):
    async with screen.stream("GET", "/api/events") as answer:
        reader = Reader(answer)
        assert (await reader.event())["type"] == "hello"
        await until(lambda: services.hub.subscriber_count)
        await services.memories.add((await _bob(services)).id, "Bob's own")
        key = await diary.add("Likes tea")
        assert await reader.event() == {"type": "memories.changed"}
        await services.memories.forget(diary.owner.id, key)
        assert await reader.event() == {"type": "memories.changed"}


async def test_a_deleted_conversation_leaves_the_memory_without_its_place(talk, diary, provider):
    provider.says(text("Hello"))
    heard = await talk.say("Hi")
    await diary.add("Likes tea", heard.turn.conversation_id)
    await diary.services.chat.delete(diary.owner.id, heard.turn.conversation_id)
    [kept] = await diary.services.memories.of(diary.owner.id)
    assert (kept.text, kept.conversation_id) == ("Likes tea", None)


async def test_a2_a_conversation_of_somebody_else_is_no_place(talk, diary, provider, services):
    provider.says(text("Hello"))
    heard = await talk.say("Hi")
    bob = await _bob(services)
    kept = await services.memories.add(bob.id, "Likes tea", heard.turn.conversation_id)
    assert kept.conversation_id is None


async def test_with_a_person_their_memories_go(services: Services, owner: User):
    bob = await _bob(services)
    await services.memories.add(bob.id, "Likes tea")
    await services.memories.add(owner.id, "Likes coffee")
    boss = Caller(owner, "session", "session_x")
    await services.household.remove(boss, bob.id, origin=Origin("127.0.0.1", "a test"))
    left = await services.database.read(
        lambda c: [row["text"] for row in c.execute("SELECT text FROM memories")]
    )
    assert left == ["Likes coffee"]


async def test_what_another_process_wrote_is_told_within_a_minute(services: Services, owner: User):
    clock = StillClock()
    store = MemoryStore(services.database, clock)
    ours = Memories(store, services.hub, clock)
    await ours.add(owner.id, "one")
    assert "- one\n" in await ours.prompt_for(owner.id)
    await Memories(store, services.hub, clock).add(owner.id, "two")
    assert "- two\n" not in await ours.prompt_for(owner.id)
    clock.forward(seconds=61)
    assert "- two\n" in await ours.prompt_for(owner.id)


async def _bob(services: Services) -> User:
    return await services.auth.add("bob", PASSWORD, "Bob", role="adult")
