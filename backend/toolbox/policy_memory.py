"""What people approved: tools as they were then, and whether to ask again."""

from dataclasses import dataclass

from backend.auth.access import ForbiddenError
from backend.messages import JsonObject
from backend.toolbox.context import Choice
from backend.toolbox.naming import ToolKey
from backend.toolbox.records import RemoteTool
from backend.toolbox.store import Pin, Remembered, ToolboxStore


@dataclass(frozen=True, slots=True)
class Change:
    """A tool is not what was approved: both texts, for people to compare."""

    approved: JsonObject
    now: JsonObject


class Approvals:
    """Held in memory, written through. Methods that write raise StorageError.

    A pin is the owner's approval and counts for the house; a choice is the person's own.
    """

    def __init__(self, store: ToolboxStore) -> None:
        self._store = store
        self._pins: dict[ToolKey, Pin] = {}
        self._choices: dict[tuple[str, str, str], Remembered] = {}

    async def load(self) -> None:
        self._pins = await self._store.pins()
        self._choices = await self._store.remembered()

    def is_pinned(self, server_id: str, tool: RemoteTool) -> bool:
        pin = self._pins.get((server_id, tool.name))
        return pin is not None and pin.fingerprint == tool.fingerprint

    def change(self, user_id: str, server_id: str, tool: RemoteTool) -> Change | None:
        """What is different from what the owner, else this person, approved."""
        pin = self._pins.get((server_id, tool.name))
        own = self._choices.get((user_id, server_id, tool.name))
        approved = pin or (own if own and own.choice != "deny" else None)
        if approved is None or approved.fingerprint == tool.fingerprint:
            return None
        return Change(approved.definition, tool.definition)

    def knows(self, user_id: str, key: ToolKey) -> bool:
        """Whether anything was ever decided that concerns this person."""
        return key in self._pins or (user_id, *key) in self._choices

    def choice(
        self, user_id: str, key: ToolKey, tool: RemoteTool | None, *, reworded: bool = False
    ) -> Choice | None:
        """What counts now: a yes was to the words of then, a no to whatever it says.

        Without `tool` it is one of Parlor's own. `reworded`: other words are as good, as long as
        what it may do is the same.
        """
        own = self._choices.get((user_id, *key))
        if own is None:
            return None
        if own.choice == "deny":
            return "deny"
        is_same = own.fingerprint == (tool.fingerprint if tool else "")
        if reworded and tool is not None:
            is_same = own.definition.get("hints") == tool.definition["hints"]
        return own.choice if is_same else None

    async def choose(
        self, user_id: str, key: ToolKey, tool: RemoteTool | None, choice: Choice | None
    ) -> None:
        """Without `tool` it is one of Parlor's own, which change with its releases only."""
        given = None
        if choice is not None:
            words = (tool.fingerprint, tool.definition) if tool else ("", {})
            given = Remembered(choice, *words)
        await self._store.remember(user_id, *key, given)
        if given is None:
            self._choices.pop((user_id, *key), None)
        else:
            self._choices[user_id, *key] = given

    async def approve(
        self, user_id: str, server_id: str, tool: RemoteTool, *, for_house: bool
    ) -> None:
        """The words as they are now. Raises ForbiddenError where the owner has approved others."""
        key = (server_id, tool.name)
        if for_house:
            await self.pin(server_id, tool)
        elif key in self._pins and not self.is_pinned(server_id, tool):
            raise ForbiddenError("The owner approved other words; only they can approve these.")
        own = self._choices.get((user_id, *key))
        if own is not None and own.choice != "deny" and own.fingerprint != tool.fingerprint:
            await self.choose(user_id, key, tool, None)  # that yes was to other words
        if not for_house and self.choice(user_id, key, tool) is None:
            await self.choose(user_id, key, tool, "ask")

    def choices_of(self, user_id: str) -> dict[ToolKey, Choice]:
        return {
            (server_id, tool): own.choice
            for (person, server_id, tool), own in self._choices.items()
            if person == user_id
        }

    async def pin(self, server_id: str, tool: RemoteTool) -> None:
        self._pins[server_id, tool.name] = await self._store.pin(server_id, tool)

    def forget(self, server_id: str) -> None:
        self._pins = {key: pin for key, pin in self._pins.items() if key[0] != server_id}
        self._choices = {key: own for key, own in self._choices.items() if key[1] != server_id}
