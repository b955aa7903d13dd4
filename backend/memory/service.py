"""What Parlor remembers about people: they read it, add to it and delete it; so may a model, where
they allow it."""

from collections import OrderedDict

from backend.kit.clock import Clock
from backend.kit.hub import Hub
from backend.kit.ids import new_id
from backend.memory.records import MemoriesChanged, Memory, as_prompt, cleaned
from backend.memory.store import MemoryStore

_KEPT_PEOPLE = 200
_KEPT_SECONDS = 60.0
"""For what another process writes while two of them overlap."""


class Memories:
    """Methods that read or write raise StorageError."""

    def __init__(self, store: MemoryStore, hub: Hub, clock: Clock) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._prompts: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._changes = 0

    async def of(self, user_id: str) -> list[Memory]:
        """Oldest first."""
        return await self._store.of(user_id)

    async def add(self, user_id: str, text: str, conversation_id: str | None = None) -> Memory:
        """The same text is kept once. Raises InvalidInputError, MemoryFullError."""
        memory_id, line = new_id("mem", self._clock), cleaned(text)
        added = await self._store.add(user_id, memory_id, line, conversation_id)
        self._changed(user_id)
        return added

    async def forget(self, user_id: str, memory_id: str) -> None:
        """Raises NotFoundError."""
        await self._store.remove(user_id, memory_id)
        self._changed(user_id)

    async def forget_all(self, user_id: str) -> None:
        await self._store.remove_all(user_id)
        self._changed(user_id)

    async def prompt_for(self, user_id: str) -> str:
        """What a model is told at the beginning of a turn; kept, as every turn asks for it."""
        now = self._clock.monotonic()
        known = self._prompts.get(user_id)
        if known is not None and now < known[0]:
            return known[1]
        changes = self._changes
        prompt = as_prompt(await self._store.of(user_id))
        if changes == self._changes:  # nothing was written while it was read
            self._prompts[user_id] = (now + _KEPT_SECONDS, prompt)
            self._prompts.move_to_end(user_id)
            if len(self._prompts) > _KEPT_PEOPLE:
                self._prompts.popitem(last=False)
        return prompt

    def _changed(self, user_id: str) -> None:
        self._changes += 1
        self._prompts.pop(user_id, None)
        if self._hub.has_followers(user_id):
            event = MemoriesChanged()
            self._hub.publish(user_id, event.model_dump(mode="json"), event.type)
