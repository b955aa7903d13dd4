"""The API's description, with the events of its streams, which routes alone do not describe."""

from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from backend.api.errors import ErrorBody
from backend.chat.events import TURN_EVENT
from backend.chat.live import LiveEvent
from backend.kit.sse import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{model}"
_EVENTS: dict[str, TypeAdapter[Any]] = {
    "TurnEvent": TURN_EVENT,
    "LiveEvent": TypeAdapter(LiveEvent),
}


def stream_of(events: str, description: str) -> dict[int | str, dict[str, Any]]:
    """The good answer of a route that streams one of the event unions."""
    schema = {"$ref": _REFERENCE.format(model=events)}
    return {200: {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}}


def add_shared_schemas(app: FastAPI) -> None:
    """Make `app.openapi()` describe errors, and name every event and both unions."""
    describe_routes = app.openapi

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = describe_routes()
            schema["components"]["schemas"]["ErrorBody"] = ErrorBody.model_json_schema()
            for name, adapter in _EVENTS.items():
                union = adapter.json_schema(ref_template=_REFERENCE, mode="serialization")
                parts = union.pop("$defs", {})
                # A named alias comes as a reference to its own definition.
                parts.setdefault(name, union)
                schema["components"]["schemas"].update(parts)
        return describe_routes()

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's documented way to extend it
