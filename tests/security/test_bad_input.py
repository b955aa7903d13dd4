"""Bad input everywhere: a clear code, and nothing changed. (By chance as well: tests/api/test_schema.py.)"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from backend.app import create_app
from backend.settings import Settings
from tests.security.cast import Shown
from tests.security.door import BODIES, Door

MORE = BODIES | {
    "POST /api/auth/login": {"username": "anna", "password": "x"},
    "POST /api/auth/refresh": {"refresh_token": "x"},
    "POST /api/auth/passkey": {"token": "x", "credential": {}, "mode": "session"},
    "POST /api/auth/password": {"current": "x", "new": "y"},
    "POST /api/auth/totp": {"password": "x"},
    "POST /api/auth/totp/confirm": {"code": "000000"},
    "DELETE /api/auth/totp": {"password": "x"},
    "POST /api/auth/recovery-codes": {"password": "x"},
    "POST /api/auth/passkeys/options": {"password": "x"},
    "POST /api/auth/passkeys": {"token": "x", "name": "x", "credential": {}},
    "POST /api/auth/apps/look": {"query": "client_id=x"},
    "POST /oauth/register": {"redirect_uris": ["https://app.example/back"], "client_name": "x"},
    "POST /api/devices/pairings/claim": {"secret": "x", "token": True},
    "POST /api/devices/pairings/look": {"code": "000000"},
    "POST /api/devices/pairings/approve": {"code": "000000", "name": "x"},
}
WRONG: list[Any] = [
    None,
    True,
    -1,
    1e308,
    10**30,
    "",
    " ",
    "\0",
    "\u202e\ufeff",
    "x" * 300_000,
    "' OR 1=1 --",
    "../../etc/passwd",
    "{{7*7}}${PATH}%00",
    [],
    ["x"] * 2000,
    [[[[[]]]]],
    {},
    {"__proto__": {"role": "owner"}, "$ne": None},
]
RAW = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b"[" * 50_000,
    b"9" * 50_000,
]


def bodies() -> dict[str, set[str]]:
    """Routes that take a body -> the names of its fields."""
    api = create_app(Settings.defaults()).openapi()

    def fields(schema: dict[str, Any]) -> set[str]:
        if name := schema.get("$ref", "").rpartition("/")[2]:
            return fields(api["components"]["schemas"][name])
        inner = schema.get("anyOf", []) + schema.get("oneOf", []) + schema.get("allOf", [])
        return set(schema.get("properties", {})).union(*map(fields, inner))

    return {
        f"{method.upper()} {path}": fields(
            operation["requestBody"]["content"]["application/json"]["schema"]
        )
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }


FIELDS = bodies()


def attempts(route: str) -> Iterator[bytes]:
    yield from RAW
    whole = MORE.get(route, {})
    yield json.dumps({**whole, "role": "owner", "is_admin": True, "user_id": "x"}).encode()
    for name in sorted(FIELDS[route] | set(whole)):
        yield json.dumps({key: value for key, value in whole.items() if key != name}).encode()
        for wrong in WRONG:
            yield json.dumps({**whole, name: wrong}).encode()
        # Half a character, as no encoder of ours would write it.
        yield json.dumps({**whole, name: "HALF"}).encode().replace(b"HALF", b"\\ud800")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("route", sorted(FIELDS))
async def test_wrong_bodies_are_refused_with_a_code_and_change_nothing(
    route: str, door: Door
) -> None:
    people = [one for one in door.cast.shown if one.name in ("olga: cookie", "anna: cookie")]
    problems = [
        (who.name, body[:120], found)
        for body in attempts(route)
        for who in people
        if (found := await problem(route, who, body, door))
    ]
    assert problems == []


async def problem(route: str, who: Shown, body: bytes, door: Door) -> str:
    answer = await door.ask(route, who, body)
    changed = door.changed()
    if answer.status >= 500:
        return f"{answer.status}"
    if answer.status < 400:  # what was meant to be wrong was one of the things allowed
        return ""
    if not answer.code or not json.loads(answer.body)["detail"]:
        return f"{answer.status} without a code"
    changed = [table for table in changed if table != "audit_events"]
    return f"{answer.status} and changed {changed}" if changed else ""
