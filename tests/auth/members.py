"""People with everything one can sign in with, straight into the database."""

from typing import Any

from backend.auth.audit_store import AuditEvent
from backend.auth.people import Caller, Role, User
from backend.auth.store import AuthStore
from backend.db.database import Connection, Database

_APP = {"client_id": "client_x", "name": "an app", "scopes": "chat", "resource": "https://x/mcp"}


async def add(people: AuthStore, database: Database, name: str, role: Role) -> Caller:
    user = User(id=f"user_{name}", username=name, display_name=name.title(), role=role)
    await people.add(user, "a hash", AuditEvent("person_added", "", name), first=False)
    await database.write(lambda c: _credentials(c, name))
    return Caller(user, "session", f"session_{name}")


def _credentials(connection: Connection, name: str) -> None:
    rows: list[tuple[str, dict[str, object]]] = [
        (
            "api_keys",
            {
                "id": f"key_{name}",
                "name": "cli",
                "scopes": "chat",
                "created_at": 0,
                "secret_hash": f"key of {name}",
                "hint": "abcd",
                "last_used_at": 7000,
            },
        ),
        (
            "app_codes",
            {
                "code_hash": f"code of {name}",
                "expires_at": 9 * 10**15,
                **_APP,
                "redirect_uri": "https://app.example/back",
                "challenge": "",
            },
        ),
        (
            "app_grants",
            {
                "id": f"app_{name}",
                "code_hash": f"used code of {name}",
                "family_hash": f"family of {name}",
                "refresh_hash": "",
                "created_at": 0,
                "last_used_at": 6000,
                "expires_at": 9 * 10**15,
                **_APP,
            },
        ),
        ("totp", {"sealed_secret": b"", "confirmed_at": 1}),
        ("recovery_codes", {"code_hash": f"code of {name}"}),
        (
            "passkeys",
            {
                "id": f"passkey_{name}",
                "credential_id": name.encode(),
                "rp_id": "parlor.test",
                "public_key": b"",
                "sign_count": 0,
                "name": "phone",
                "created_at": 0,
            },
        ),
        (
            "challenges",
            {
                "token_hash": f"challenge of {name}",
                "kind": "oidc",
                "payload": "",
                "expires_at": 9 * 10**15,
            },
        ),
    ]
    rows += [
        (
            "sessions",
            {
                "id": f"{kind}_{name}",
                "kind": kind,
                "token_hash": f"{kind} of {name}",
                "user_agent": "",
                "address": "",
                "created_at": 0,
                "last_seen_at": 5000,
                "expires_at": 9 * 10**15,
            },
        )
        for kind in ("session", "token")
    ]
    for table, values in rows:
        values["user_id"] = f"user_{name}"
        places = ", ".join("?" * len(values))
        connection.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})",  # noqa: S608  # names from above
            tuple(values.values()),
        )


async def ids(database: Database, table: str) -> list[Any]:
    def select(connection: Connection) -> list[Any]:
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608  # names from this file
        return [row["id" if "id" in row.keys() else 0] for row in rows]  # noqa: SIM118  # a row is no dict

    return await database.read(select)
