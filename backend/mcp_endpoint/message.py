"""One message of a program, looked at before the SDK does: its words for what is wrong with one
name its own library, and it takes numbers and texts that nothing of ours could send on."""

import json
from contextlib import suppress
from typing import Any

import orjson

_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600


class BadMessageError(Exception):
    """`answer`: what the program is told, in the protocol's form."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        error = {"code": code, "message": words}
        self.answer = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error})


def checked(body: bytes) -> bytes:
    """The message, as plain as everybody writes JSON. Raises BadMessageError."""
    message = _parsed(body)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise BadMessageError(_INVALID_REQUEST, "The body has to be one JSON-RPC 2.0 message.")
    number, method = message.get("id"), message.get("method")
    is_numbered = isinstance(number, str | int) and not isinstance(number, bool)
    is_answer = method is None and is_numbered and ("result" in message or "error" in message)
    is_asked = isinstance(method, str) and (is_numbered or "id" not in message)
    if not (is_answer or is_asked) or not isinstance(message.get("params", {}), dict):
        raise BadMessageError(
            _INVALID_REQUEST, "A message has a `method`, `params` that are an object, and an `id`."
        )
    return orjson.dumps(message)


def _parsed(body: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(body)
    try:
        # Half a character, as a cut text may end with, can be neither stored nor sent.
        text = json.dumps(json.loads(body, parse_constant=_no_number), ensure_ascii=False)
        return orjson.loads(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise BadMessageError(_PARSE_ERROR, "The body is not JSON.") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")
