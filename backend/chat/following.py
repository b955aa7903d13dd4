"""Following a turn that does not run in this process: its journal on disk."""

from collections.abc import AsyncGenerator

from backend.chat.records import Turn
from backend.chat.store import ConversationStore
from backend.kit.errors import AppError
from backend.kit.schedule import pause
from backend.kit.sse import HEARTBEAT_SECONDS, PING

_LOOK_SECONDS = 0.25


class JournalGoneError(AppError):
    """The events of an old turn were pruned; the conversation holds the result."""

    code = "journal_gone"
    status = 410


async def follow_stored(
    store: ConversationStore, owner_id: str, turn_id: str, after: int
) -> AsyncGenerator[bytes]:
    """Frames above `after`, to the turn's end. Raises NotFoundError, JournalGoneError before the
    first one."""
    turn = await store.turn(owner_id, turn_id)
    frames = await store.frames(turn_id, after)
    is_over = turn.status != "running" and not frames
    if is_over and not await store.frames(turn_id, 0):
        raise JournalGoneError("The events of this turn are no longer kept.")
    return _frames(store, owner_id, turn, after, frames)


async def _frames(
    store: ConversationStore, owner_id: str, turn: Turn, after: int, frames: bytes
) -> AsyncGenerator[bytes]:
    """The turn has ended, or another process runs it: then it is looked at again and again."""
    silent = 0.0
    while True:
        if frames:
            after += frames.count(b"\n\n")
            silent = 0.0
            yield frames
        if turn.status != "running":
            return
        if silent >= HEARTBEAT_SECONDS:
            silent = 0.0
            yield PING
        await pause(_LOOK_SECONDS)
        silent += _LOOK_SECONDS
        turn = await store.turn(owner_id, turn.id)
        frames = await store.frames(turn.id, after)
