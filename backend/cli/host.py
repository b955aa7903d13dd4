"""Commands that work on this host's own state, without a running server."""

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.app import create_app
from backend.auth.service import AuthService
from backend.cli.terminal import in_a_line
from backend.container import DATABASE_NAME, open_accounts
from backend.db.in_use import in_use
from backend.db.migrate import MigrationError, migrate
from backend.kit.errors import AppError
from backend.settings import Settings


def prepare_database(settings: Settings) -> tuple[Path, int]:
    """Make or migrate the database file; how many migrations that took.

    `serve` begins with it, too, because here a failure can still be told in words.
    """
    path = settings.server.state_dir / DATABASE_NAME
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with in_use(path):
            return path, len(migrate(path))
    except MigrationError as error:
        sys.exit(str(error))


def run_migrate(settings: Settings) -> None:
    path, applied = prepare_database(settings)
    print(f"{path}: {applied} migration(s) applied." if applied else f"{path}: up to date.")


def run_export_openapi() -> None:
    """Settings of this host have no say in what the API looks like."""
    print(json.dumps(create_app(Settings.defaults()).openapi(), indent=2, sort_keys=True))


def run_list_users(settings: Settings) -> None:
    async def show(accounts: AuthService) -> None:
        for user in await accounts.people():
            print(f"{user.username:20} {user.role:8} {in_a_line(user.display_name)}")

    _with_accounts(settings, show)


def run_reset_password(settings: Settings, name: str, *, second_factor: bool) -> None:
    """A running server refuses the old sessions after two seconds."""
    password = _new_password()

    async def reset(accounts: AuthService) -> None:
        user = await accounts.reset(name, password, second_factor=second_factor)
        print(f"The password of {user.username} is set; all their sessions are closed.")
        if second_factor:
            print("Their authenticator app, recovery codes and passkeys are removed.")
        print("Their API keys still work; they can remove them in their account.")

    _with_accounts(settings, reset)


def run_rotate_keys(settings: Settings) -> None:
    """A running server reads the file when it has changed."""

    async def rotate(accounts: AuthService) -> None:
        await accounts.rotate_key()
        print(
            "Tokens are signed with a new key from now on. Those signed with the old one go on"
            " until they end; browsers are remembered anew at their next sign-in."
        )

    _with_accounts(settings, rotate)


def run_setup_link(settings: Settings, server: str | None) -> None:
    protocol = "https" if settings.server.tls_cert else "http"
    address = server or f"{protocol}://{settings.server.host}:{settings.server.port}"

    async def show(accounts: AuthService) -> None:
        code = await accounts.setup_code()
        if code is None:
            sys.exit("Parlor is set up already; `parlor users reset NAME` sets a password.")
        print(f"{address.rstrip('/')}/setup#code={code}")

    _with_accounts(settings, show)


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("New password: ")
    if first != getpass.getpass("The same again: "):
        sys.exit("The two are not the same; nothing was changed.")
    return first


def _with_accounts(settings: Settings, work: Callable[[AuthService], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_accounts(settings) as accounts:
            await work(accounts)

    try:
        asyncio.run(run())
    except (AppError, MigrationError) as error:
        sys.exit(str(error))
