"""The audit log: written with the change it tells of, read page by page, pruned."""

import pytest

from backend.auth.audit import AuditLog
from backend.auth.audit_store import AuditEvent, AuditKind, AuditStore, record
from backend.db.database import Connection, Database
from backend.kit.clock import to_millis
from tests.auth.conftest import refuses
from tests.fakes.clock import StillClock


def event(subject: str, kind: AuditKind = "person_changed") -> AuditEvent:
    return AuditEvent(kind, "anna", subject, "a detail", "192.0.2.7")


@pytest.fixture
def store(database: Database, clock: StillClock) -> AuditStore:
    return AuditStore(database, clock)


@pytest.fixture
def log(store: AuditStore) -> AuditLog:
    return AuditLog(store)


async def test_an_event_is_undone_with_the_change_it_tells_of(
    database: Database, log: AuditLog, clock: StillClock
) -> None:
    def fail(connection: Connection) -> None:
        record(connection, to_millis(clock.now()), event("bob"))
        raise ValueError("the change is refused")

    with pytest.raises(ValueError, match="refused"):
        await database.write(fail)
    assert await log.page(cursor=None, limit=10) == ([], None)


async def test_pages_come_newest_first_and_end(
    log: AuditLog, store: AuditStore, clock: StillClock
) -> None:
    for name in "abcde":
        await store.add(event(name))
        clock.forward(seconds=1)
    seen, cursor = [], None
    for _ in range(3):
        page, cursor = await log.page(cursor=cursor, limit=2)
        seen.append([one.event.subject for one in page])
    assert seen == [["e", "d"], ["c", "b"], ["a"]]
    assert cursor is None


async def test_what_happens_while_somebody_reads_shifts_no_page(
    log: AuditLog, store: AuditStore
) -> None:
    for name in "abc":
        await store.add(event(name))
    _, cursor = await log.page(cursor=None, limit=2)
    await store.add(event("new"))
    page, _ = await log.page(cursor=cursor, limit=2)
    assert [one.event.subject for one in page] == ["a"]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "٣", "1" * 30, "1;"])
async def test_a_cursor_of_somebody_s_own_making_is_refused(log: AuditLog, cursor: str) -> None:
    with refuses("invalid_input"):
        await log.page(cursor=cursor, limit=2)


async def test_events_go_after_four_hundred_days_and_not_before(
    log: AuditLog, store: AuditStore, clock: StillClock
) -> None:
    await store.add(event("old"))
    clock.forward(days=1)
    await store.add(event("young"))
    clock.forward(days=399, seconds=1)
    await log.prune()
    page, _ = await log.page(cursor=None, limit=10)
    assert [one.event.subject for one in page] == ["young"]


async def test_what_is_told_once_a_day_is_told_once_and_again_the_next_day(
    log: AuditLog, store: AuditStore, clock: StillClock
) -> None:
    for _ in range(3):
        await store.add_once(event("mia", "budget_nearly_used"), since=clock.now())
    await store.add_once(event("bob", "budget_nearly_used"), since=clock.now())
    clock.forward(days=1)
    await store.add_once(event("mia", "budget_nearly_used"), since=clock.now())
    page, _ = await log.page(cursor=None, limit=10)
    assert [one.event.subject for one in page] == ["mia", "bob", "mia"]


async def test_words_of_any_length_leave_the_log_readable(log: AuditLog, store: AuditStore) -> None:
    await store.add(AuditEvent("signed_in", "a" * 5000, "b" * 5000, "c" * 5000, "d" * 5000))
    page, _ = await log.page(cursor=None, limit=1)
    stored = page[0].event
    assert {len(text) for text in (stored.actor, stored.subject, stored.detail)} == {300}
