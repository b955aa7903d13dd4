"""Sign-ins at tool servers: whose, where, for what. The tokens themselves are in the vault."""

from dataclasses import dataclass
from datetime import datetime

from backend.db.database import Connection, Database
from backend.kit.clock import Clock, from_millis, to_millis


@dataclass(frozen=True, slots=True)
class SignIn:
    user_id: str
    server_id: str
    resource: str
    """Where the access token goes, and what it is good for (RFC 8707)."""
    issuer: str
    client_id: str
    auth_method: str
    token_url: str
    """Where the refresh token goes."""
    revoke_url: str
    scopes: tuple[str, ...]
    created_at: datetime
    lacking: tuple[str, ...] = ()
    """Scopes that a call wanted and these tokens do not have."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownClient:
    client_id: str
    auth_method: str


class SignInStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[SignIn]:
        def select(connection: Connection) -> list[SignIn]:
            rows = connection.execute("SELECT * FROM tool_sign_ins").fetchall()
            return [
                SignIn(
                    row["user_id"],
                    row["server_id"],
                    row["resource"],
                    row["issuer"],
                    row["client_id"],
                    row["auth_method"],
                    row["token_url"],
                    row["revoke_url"],
                    tuple(row["scope"].split()),
                    from_millis(row["created_at"]),
                    tuple(row["lacking"].split()),
                    None if row["expires_at"] is None else from_millis(row["expires_at"]),
                )
                for row in rows
            ]

        return await self._database.read(select)

    async def put(self, one: SignIn) -> None:
        row = (
            one.user_id,
            one.server_id,
            one.resource,
            one.issuer,
            one.client_id,
            one.auth_method,
            one.token_url,
            one.revoke_url,
            " ".join(one.scopes),
            " ".join(one.lacking),
            None if one.expires_at is None else to_millis(one.expires_at),
            to_millis(one.created_at),
        )

        def write(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO tool_sign_ins (user_id, server_id, resource, issuer,"
                " client_id, auth_method, token_url, revoke_url, scope, lacking, expires_at,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

        await self._database.write(write)

    async def remove(self, user_id: str, server_id: str) -> None:
        sql = "DELETE FROM tool_sign_ins WHERE user_id = ? AND server_id = ?"
        await self._database.write(lambda c: c.execute(sql, (user_id, server_id)))

    async def client(self, issuer: str, redirect_uri: str) -> KnownClient | None:
        sql = (
            "SELECT client_id, auth_method FROM tool_clients WHERE issuer = ? AND redirect_uri = ?"
        )

        def select(connection: Connection) -> KnownClient | None:
            row = connection.execute(sql, (issuer, redirect_uri)).fetchone()
            return None if row is None else KnownClient(*row)

        return await self._database.read(select)

    async def put_client(self, issuer: str, redirect_uri: str, client: KnownClient) -> None:
        row = (issuer, redirect_uri, client.client_id, client.auth_method)
        sql = (
            "INSERT OR REPLACE INTO tool_clients (issuer, redirect_uri, client_id, auth_method)"
            " VALUES (?, ?, ?, ?)"
        )
        await self._database.write(lambda c: c.execute(sql, row))

    async def remove_client(self, issuer: str, client_id: str) -> None:
        sql = "DELETE FROM tool_clients WHERE issuer = ? AND client_id = ?"
        await self._database.write(lambda c: c.execute(sql, (issuer, client_id)))
