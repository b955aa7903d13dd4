"""Codes and refresh tokens of programs: each is good once, and what follows is written in one step.

Only hashes are kept. What comes a second time may have been copied, and ends the grant.
"""

from collections.abc import Callable
from typing import Literal

from backend.auth.app_client import is_document_address
from backend.auth.app_grant import Code, Grant, Issued, NewGrant, Outcome, code_from, grant_from
from backend.auth.audit_store import AuditEvent, record
from backend.auth.people import Origin, Scope
from backend.db.database import Connection, Database
from backend.kit.clock import Clock, to_millis

_MOST_TOKENS = 10
"""Access tokens of one grant at a time: the oldest give way."""


class AppTokenStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def exchange(
        self,
        code_hash: str,
        is_right: Callable[[Code], bool],
        grant: NewGrant,
        origin: Origin,
    ) -> Grant | Outcome:
        """The grant for a code, which is void from now on, whether it `is_right` or not."""
        now = to_millis(self._clock.now())

        def take(connection: Connection) -> Grant | Outcome:
            row = connection.execute(
                "DELETE FROM app_codes WHERE code_hash = ? RETURNING *", (code_hash,)
            ).fetchone()
            if row is None:
                ended = _end(connection, now, origin, "code_hash", code_hash)
                return "reused" if ended else "unknown"
            code = code_from(row)
            if row["expires_at"] <= now or not is_right(code):
                return "unknown"
            person = connection.execute(
                "SELECT 1 FROM users WHERE id = ? AND disabled_at IS NULL AND role <> 'child'",
                (code.user_id,),
            ).fetchone()
            if person is None:
                return "unknown"
            made = _insert(connection, now, code_hash, code, grant)
            _issue(connection, now, made.id, grant.issued, made.scopes)
            return made

        return await self._database.write(take)

    async def refresh(
        self,
        family_hash: str,
        shown_hash: str,
        is_right: Callable[[Grant], tuple[Scope, ...]],
        issued: Issued,
        origin: Origin,
    ) -> tuple[Scope, ...] | Outcome:
        """Puts the following refresh token in the place of the one that was shown, in one step.
        `is_right`: the scopes of the new access token; none, and nothing happens."""
        now = to_millis(self._clock.now())

        def rotate(connection: Connection) -> tuple[Scope, ...] | Outcome:
            row = connection.execute(
                "SELECT g.* FROM app_grants g JOIN users u ON u.id = g.user_id"
                " WHERE g.family_hash = ? AND g.expires_at > ? AND u.disabled_at IS NULL"
                " AND u.role <> 'child'",
                (family_hash, now),
            ).fetchone()
            if row is None:
                return "unknown"
            if row["refresh_hash"] != shown_hash:
                _end(connection, now, origin, "family_hash", family_hash)
                return "reused"
            grant = grant_from(row)
            scopes = is_right(grant)
            if not scopes:
                return "unknown"
            connection.execute(
                "UPDATE app_grants SET refresh_hash = ?, expires_at = ?, last_used_at = ?"
                " WHERE id = ?",
                (issued.refresh_hash, to_millis(issued.refresh_until), now, grant.id),
            )
            _issue(connection, now, grant.id, issued, scopes)
            return scopes

        return await self._database.write(rotate)

    async def revoke(self, token_hash: str, family_hash: str, client_id: str) -> bool:
        """An access token ends alone, a refresh token ends the grant. Whether something ended."""

        def delete(connection: Connection) -> bool:
            tokens = connection.execute(
                "DELETE FROM app_tokens WHERE token_hash = ? AND grant_id IN"
                " (SELECT id FROM app_grants WHERE client_id = ?)",
                (token_hash, client_id),
            ).rowcount
            grants = connection.execute(
                "DELETE FROM app_grants WHERE family_hash = ? AND client_id = ?",
                (family_hash, client_id),
            ).rowcount
            return bool(tokens or grants)

        return await self._database.write(delete)


def _insert(connection: Connection, now: int, code_hash: str, code: Code, grant: NewGrant) -> Grant:
    client = code.client
    if not is_document_address(client.id):
        # A registered name is one installation's: whoever asks anew has lost what it had.
        connection.execute(
            "DELETE FROM app_grants WHERE user_id = ? AND client_id = ?", (code.user_id, client.id)
        )
    row = connection.execute(
        "INSERT INTO app_grants (id, user_id, client_id, name, uri, scopes, resource, code_hash,"
        " family_hash, refresh_hash, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            grant.id,
            code.user_id,
            client.id,
            client.name,
            client.uri,
            " ".join(code.scopes),
            code.resource,
            code_hash,
            grant.family_hash,
            grant.issued.refresh_hash,
            now,
            to_millis(grant.issued.refresh_until),
        ),
    ).fetchone()
    return grant_from(row)


def _issue(
    connection: Connection, now: int, grant_id: str, issued: Issued, scopes: tuple[Scope, ...]
) -> None:
    connection.execute(
        "DELETE FROM app_tokens WHERE expires_at <= ?1 OR token_hash IN (SELECT token_hash"
        " FROM app_tokens WHERE grant_id = ?2 ORDER BY expires_at DESC, token_hash"
        " LIMIT -1 OFFSET ?3)",
        (now, grant_id, _MOST_TOKENS - 1),
    )
    connection.execute(
        "INSERT INTO app_tokens (token_hash, grant_id, scopes, expires_at) VALUES (?, ?, ?, ?)",
        (issued.access_hash, grant_id, " ".join(scopes), to_millis(issued.access_until)),
    )


def _end(
    connection: Connection,
    now: int,
    origin: Origin,
    column: Literal["code_hash", "family_hash"],
    value: str,
) -> bool:
    """Somebody showed what was used before: it may have been copied, so nobody keeps anything."""
    row = connection.execute(
        f"DELETE FROM app_grants WHERE {column} = ?"  # noqa: S608  # one of two names, of our own
        " RETURNING name, (SELECT username FROM users u WHERE u.id = user_id) AS username",
        (value,),
    ).fetchone()
    if row is None:
        return False
    detail = f"{row['name']} is cut off"
    event = AuditEvent("app_reused", "", row["username"], detail, origin.address)
    record(connection, now, event)
    return True
