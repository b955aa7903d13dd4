"""Results too long for a model to read at once: the rest waits here, a page at a time."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from backend.kit.errors import InvalidInputError, NotFoundError
from backend.messages import JsonObject, ToolSpec

PAGE = 24_000
"""Characters; about 8,000 tokens."""
LARGEST = 2_000_000
"""Characters kept of one result; a model would need 80 pages to read that."""
_PER_PERSON = 8
_IN_ALL = 64

READ_MORE = ToolSpec(
    "read_more",
    "Reads on in a tool result that was too long to be shown at once. Use the id that stands at the"
    " end of such a result.",
    {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "The id at the end of the cut result."},
            "offset": {
                "type": "integer",
                "minimum": 0,
                "description": "Where to read on, in characters; the end of the result named it.",
            },
        },
        "required": ["id", "offset"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class _Kept:
    user_id: str
    text: str


class Pages:
    """Bounded: the oldest goes first, a person's own before anybody else's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def first(self, text: str, user_id: str) -> str:
        """What a model reads now; a longer text ends with how to read on."""
        text = text.encode("utf-8", "replace").decode()  # half a character cannot be stored
        if len(text) <= PAGE:
            return text
        return self._page(self._keep(text, user_id), text[:LARGEST], 0, len(text))

    def read(self, arguments: JsonObject, user_id: str) -> str:
        """Raises InvalidInputError, NotFoundError; their words are for the model."""
        key, offset = arguments.get("id"), arguments.get("offset", 0)
        if not isinstance(key, str):
            raise InvalidInputError("read_more needs an `id`.")
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise InvalidInputError("`offset` must be a whole number, 0 or more.")
        kept = self._kept.get(key)
        if kept is None or kept.user_id != user_id:
            raise NotFoundError(
                "There is no such result any more. Call the tool again, if possible for less."
            )
        if offset >= len(kept.text):
            raise InvalidInputError(f"The result has only {len(kept.text)} characters.")
        self._kept.move_to_end(key)
        return self._page(key, kept.text, offset, len(kept.text))

    def _keep(self, text: str, user_id: str) -> str:
        own = [key for key, kept in self._kept.items() if kept.user_id == user_id]
        for key in own[: max(0, len(own) - _PER_PERSON + 1)]:
            del self._kept[key]
        while len(self._kept) >= _IN_ALL:
            self._kept.popitem(last=False)
        key = secrets.token_hex(8)
        self._kept[key] = _Kept(user_id, text[:LARGEST])
        return key

    def _page(self, key: str, text: str, offset: int, length: int) -> str:
        end = min(offset + PAGE, len(text))
        page = text[offset:end]
        if end < len(text):
            note = (
                f"[characters {offset} to {end} of {length}; to read on: "
                f'{READ_MORE.name} with id "{key}" and offset {end}]'
            )
        elif length > len(text):
            note = f"[{length - len(text)} more characters were too many to keep]"
        else:
            note = "[end of the result]"
        return f"{page}\n{note}"
