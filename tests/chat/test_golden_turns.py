"""The golden turns: what the browser's reducer must make of a turn, this one makes as well."""

import json
from pathlib import Path
from typing import get_args

import pytest

from backend.chat.events import TURN_EVENT, TurnEvent
from backend.chat.records import PARTS
from backend.chat.transcript import Transcript

FILES = sorted((Path(__file__).parents[1] / "fixtures" / "turns").glob("*.jsonl"))


def _lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def _as_json(transcript: Transcript) -> dict:
    return {
        "parts": PARTS.dump_python(transcript.parts, mode="json"),
        "status": transcript.status,
        "usage": transcript.usage and transcript.usage.model_dump(mode="json"),
        "error": transcript.error and transcript.error.model_dump(mode="json"),
        "notices": [notice.model_dump(mode="json") for notice in transcript.notices],
        "finish_reason": transcript.finish_reason,
        "message_id": transcript.message_id,
        "parent_id": transcript.parent_id,
        "model": transcript.model,
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_turn_reduces_to_its_message(file):
    *events, expected = _lines(file)
    transcript = Transcript()
    for line in events:
        transcript.apply(TURN_EVENT.validate_python(line["event"]))
    assert _as_json(transcript) == expected["transcript"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_turn_is_numbered_from_one(file):
    *events, _ = _lines(file)
    assert [line["seq"] for line in events] == list(range(1, len(events) + 1))


def test_the_golden_turns_hold_every_kind_of_event():
    union, _ = get_args(TurnEvent.__value__)
    kinds = {kind.__dataclass_fields__["type"].default for kind in get_args(union)}
    found = {line["event"]["type"] for file in FILES for line in _lines(file) if "event" in line}
    assert kinds - found == set()
    assert found - kinds == set()
