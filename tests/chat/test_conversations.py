"""The list of conversations: pages, search, and what screens are told."""

import asyncio

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.chat.records import ConversationChange
from backend.chat.search import as_match
from backend.chat.titles import title_from
from backend.container import open_services
from backend.kit.errors import InvalidInputError, NotFoundError
from backend.kit.sse import data_of
from backend.messages import Generation
from backend.providers.base import GenerationStarted
from backend.providers.shipped import Providers
from tests.conftest import HASHER, make_settings
from tests.fakes.scripted import ScriptedProvider, text


async def page(talk, *, limit=50, cursor=None, search=None, archived=False):
    return await talk.services.chat.page(
        talk.owner_id, limit=limit, cursor=cursor, search=search, archived=archived
    )


async def titles(talk, **more) -> list[str]:
    return [one.title for one in (await page(talk, **more)).conversations]


async def create(talk, title: str, **more):
    change = ConversationChange(title=title, **more)
    return await talk.services.chat.create(talk.owner, change)


async def test_pages_hold_every_conversation_once_pinned_first(talk, provider):
    made = [await create(talk, f"Number {number}") for number in range(7)]
    await talk.services.chat.update(talk.owner, made[2].id, ConversationChange(pinned=True))
    provider.says(text("Hi"))
    await talk.say("News", to=made[0].id)
    seen, cursor = [], None
    while True:
        found = await page(talk, limit=3, cursor=cursor)
        assert len(found.conversations) <= 3
        seen += [one.title for one in found.conversations]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen[:2] == ["Number 2", "Number 0"]
    assert sorted(seen) == [f"Number {number}" for number in range(7)]


async def test_archived_conversations_have_a_list_of_their_own(talk):
    kept, put_away = await create(talk, "Kept"), await create(talk, "Away")
    await talk.services.chat.update(talk.owner, put_away.id, ConversationChange(archived=True))
    assert await titles(talk) == [kept.title]
    assert await titles(talk, archived=True) == ["Away"]


@pytest.mark.parametrize("cursor", ["x", "1.x.c", "2.5.conv", "0.-1.conv", "0.99999999999999999.c"])
async def test_a_cursor_that_was_not_given_out_is_refused(talk, cursor):
    with pytest.raises(InvalidInputError):
        await page(talk, cursor=cursor)


async def test_search_finds_titles_questions_and_answers(talk, provider):
    provider.says(text("Take 500 g of flour."), text("It is sunny."))
    await talk.say("How do I bake bread?")
    await talk.say("Weather?")
    await create(talk, "100% rye_bread")
    assert sorted(await titles(talk, search="bread")) == ["100% rye_bread", "How do I bake bread?"]
    assert await titles(talk, search="FLOUR") == ["How do I bake bread?"]
    assert await titles(talk, search="flo") == ["How do I bake bread?"]
    assert await titles(talk, search="flour sunny") == []
    assert await titles(talk, search="100%") == ["100% rye_bread"]
    assert await titles(talk, search="e_b") == ["100% rye_bread"]
    assert await titles(talk, search="sünny") == ["Weather?"]


async def test_a_title_is_found_by_its_words_in_any_order_without_accents_and_case(talk):
    await create(talk, "Übersicht der Küche")
    for typed in ("übersicht", "KUCHE uber", "küche der"):
        assert await titles(talk, search=typed) == ["Übersicht der Küche"], typed
    assert await titles(talk, search="küche bad") == []


def marked(runs) -> str:
    return "".join(f"[{run.text}]" if run.found else run.text for run in runs)


async def excerpts(talk, search: str) -> list[str]:
    return [marked(runs) for runs in (await page(talk, search=search)).excerpts.values()]


async def test_what_is_found_is_shown_with_its_words_marked(talk, provider):
    provider.says(text("First sift 500 g of **flour**,\nthen add <b>water</b>."), text("Sunny."))
    turn = (await talk.say("How do I bake bread?")).turn
    await talk.say("Weather?")
    await create(talk, "Flour mills")
    found = await page(talk, search="FLÓUR wat")
    assert {key: marked(runs) for key, runs in found.excerpts.items()} == {
        turn.conversation_id: "First sift 500 g of [flour], then add <b>[water]</b>."
    }
    assert len((await page(talk, search="flour")).conversations) == 2
    assert (await page(talk)).excerpts == {}


async def test_of_several_messages_with_the_words_the_newest_is_shown(talk, provider):
    provider.says(text("Rye is dark."), text("Rye grows on sand."))
    turn = (await talk.say("Bread?")).turn
    await talk.say("Where?", to=turn.conversation_id)
    assert await excerpts(talk, "rye") == ["[Rye] grows on sand."]


async def test_the_words_found_stand_near_the_beginning_of_a_short_excerpt(talk, provider):
    provider.says(
        text(f"{'It went on and on. ' * 90}Then we baked rye bread {'until dawn ' * 90}.")
    )
    await talk.say("Tell me")
    [shown] = await excerpts(talk, "rye")
    assert shown.startswith("…")
    assert shown.index("[rye]") < 40
    assert len(shown) < 170


async def test_an_endless_word_is_cut_in_an_excerpt(talk, provider):
    provider.says(text(f"{'x' * 400} {'y' * 400} {'z' * 400}"))
    await talk.say("Letters?")
    for start in "xyz":
        [shown] = await excerpts(talk, start * 3)
        assert f"[{start}" in shown
        assert len(shown) < 200


@pytest.mark.parametrize(
    ("said", "typed", "shown"),
    [
        ("Über Äpfel und Öl", "apfel ol", "Über [Äpfel] und [Öl]"),
        ("node.js and node", "node.js", "[node.js] and node"),
        ("Это Ёлка", "ёлк", "Это [Ёлка]"),
        ("한국 하고", "한국", "[한국] 하고"),
        ("snake_case_name", "case", "snake_[case]_name"),
        ("İstanbul and Bursa", "Bursa", "İstanbul and [Bursa]"),
        ("oats, not goats", "oats", "[oats], not goats"),
    ],
)
async def test_the_marked_words_are_those_that_the_index_finds(talk, provider, said, typed, shown):
    provider.says(text(said))
    await talk.say("?")
    assert await excerpts(talk, typed) == [shown]


async def test_the_part_with_most_of_the_words_is_shown(talk, provider):
    provider.says(text(f"Rye. {'And so on. ' * 40}Rye with caraway. {'And so on. ' * 40}"))
    await talk.say("Bread?")
    [shown] = await excerpts(talk, "caraway rye")
    assert "[Rye] with [caraway]" in shown


async def test_what_was_deleted_is_not_found(talk, provider):
    provider.says(text("Flour."))
    turn = (await talk.say("Bread?")).turn
    await talk.services.chat.delete_message(talk.owner_id, turn.conversation_id, turn.message_id)
    assert await titles(talk, search="flour") == []


async def test_a_continued_answer_is_found_by_all_of_its_words(talk, provider):
    provider.says(text("Flour", reason="length"), text(" and water"))
    turn = (await talk.say("Bread?")).turn
    await talk.proceed(turn.conversation_id, turn.message_id)
    assert await titles(talk, search="flour water") == ["Bread?"]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with asyncio.Runner() as runner:
        opening = open_services(
            make_settings(tmp_path_factory.mktemp("search")),
            providers=Providers([ScriptedProvider()]),
            hasher=HASHER,
        )
        yield runner, runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_nothing_that_is_typed_breaks_the_search(runner, words):
    loop, services = runner
    asked = services.chat.page("u", limit=5, cursor=None, search=words, archived=False)
    assert loop.run(asked).conversations == []


@pytest.mark.parametrize(
    "words", ['"', "a*", "AND", "NEAR(", "?", "c:x", "-", "(", "''", "^x", "{}", "\u00b4", "\u0301"]
)
async def test_signs_of_the_query_language_are_plain_words(talk, words):
    assert await titles(talk, search=words) == []


def test_every_word_must_occur_and_the_last_may_be_unfinished():
    assert as_match('two "words') == '"two" """words"*'
    assert as_match(" ") == ""


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Hello", "Hello"),
        ("\n\n  # Plan for *today*\nmore", "Plan for *today"),
        ("```\ncode", "code"),
        ("***", "New chat"),
        ("word " * 30, "word word word word word word word word word word word word…"),
        ("x" * 100, "x" * 60 + "…"),
        ("two\twords", "two words"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(said, title):
    assert title_from(said) == title


@given(st.text())
def test_a_title_is_one_short_line(words):
    title = title_from(words)
    assert 0 < len(title) <= 61
    assert len(title.splitlines()) == 1


async def test_screens_are_told_what_changed(talk, provider, services):
    frames = services.hub.follow(talk.owner_id)
    news: list[dict] = []

    async def listen() -> None:
        async for raw in frames:
            news.extend(orjson.loads(data_of(one + b"\n\n")) for one in raw.split(b"\n\n")[:-1])

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    provider.says(text("Hi"))
    turn = (await talk.say("Go")).turn
    conversation_id = turn.conversation_id
    chat = services.chat
    await chat.update(talk.owner, conversation_id, ConversationChange(title="New"))
    await chat.delete_message(talk.owner_id, conversation_id, turn.message_id)
    await chat.delete(talk.owner_id, conversation_id)
    services.hub.close()
    async with asyncio.timeout(5):
        await listening
    kinds = [one["type"] for one in news]
    assert kinds == ["conversation.changed"] * 3 + ["messages.changed", "conversation.deleted"]
    running = [one["conversation"]["running_turn_id"] for one in news[:3]]
    assert running == [turn.id, None, None]
    assert news[2]["conversation"]["title"] == "New"
    assert {one.get("conversation_id", conversation_id) for one in news} == {conversation_id}


async def test_the_books_of_an_answer_are_for_its_owner_alone(talk, provider, services):
    provider.books["gen-7"] = Generation(id="gen-7", total_cost=0.5)
    provider.says([GenerationStarted("gen-7"), *text("Hi")])
    await talk.say("Go")
    assert (await services.chat.generation(talk.owner_id, "gen-7")).total_cost == 0.5
    for owner_id, generation_id in (("user_other", "gen-7"), (talk.owner_id, "gen-8")):
        with pytest.raises(NotFoundError):
            await services.chat.generation(owner_id, generation_id)
