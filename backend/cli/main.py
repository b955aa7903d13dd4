"""The command `parlor`."""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.backup import backup, restore
from backend.cli.certs import certs
from backend.cli.mcp import mcp
from backend.kit.errors import AppError
from backend.kit.log import configure_logging
from backend.kit.version import VERSION
from backend.settings import Settings, SettingsError

app = typer.Typer(
    name="parlor",
    help="A self-hosted AI chat appliance.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
users = typer.Typer(no_args_is_help=True, help="People who may sign in (on this host).")
app.add_typer(users, name="users")
app.add_typer(mcp, name="mcp")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign programs' tokens.")
app.add_typer(keys, name="keys")
app.add_typer(certs, name="certs")
app.add_typer(backup, name="backup")
app.command()(restore)


def main() -> None:
    """Run a command. What an operator can mend is told in words: a wrong setting with exit
    code 2, a folder, file or address that cannot be used with 1."""
    try:
        app(prog_name="parlor")
    except SettingsError as error:
        print(f"These settings are wrong:\n{error}", file=sys.stderr)
        sys.exit(2)
    except (OSError, AppError) as error:
        sys.exit(f"Parlor cannot do that: {error}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 = any.")] = None,
    standby: Annotated[
        Path | None,
        typer.Option(help="Answer on this private socket only, until SIGUSR1 (for upgrades)."),
    ] = None,
    current: Annotated[
        Path | None,
        typer.Option(help="With --standby: serve at once if this link names our own folder."),
    ] = None,
) -> None:
    """Run the server: plain HTTP on loopback, TLS elsewhere."""
    gc.disable()  # until it serves: what is imported stays, and looking for garbage in it takes long
    from backend.cli.serve import run_server  # noqa: PLC0415  # start-up: one command, one import

    settings = Settings.load(host=host, port=port)
    configure_logging(settings.server.log_level)
    run_server(settings, standby=standby, current=current)


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema (`serve` does so by itself)."""
    from backend.cli.host import run_migrate  # noqa: PLC0415  # as above

    run_migrate(_host_settings())


@app.command()
def doctor() -> None:
    """Check settings, state, certificate, backups and providers; says what to do."""
    from backend.cli.doctor import run_doctor  # noqa: PLC0415  # as above

    run_doctor(_host_settings())


@app.command()
def selftest(
    socket: Annotated[
        Path | None, typer.Option(help="Examine the release that stands by on this socket.")
    ] = None,
) -> None:
    """Use a Parlor of its own in an empty folder as a new owner would; says what fails."""
    from backend.cli.selftest import run_selftest  # noqa: PLC0415  # as above

    run_selftest(socket)


@app.command()
def chat(
    server: Annotated[str, typer.Option(help="Address of the running Parlor.")] = (
        "http://127.0.0.1:8000"
    ),
    model: Annotated[str | None, typer.Option(help="Model to begin with.")] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            help="Certificate authority of that Parlor (PEM).", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Chat in the terminal with a running Parlor."""
    from backend.cli.chat import run_chat  # noqa: PLC0415  # as above

    run_chat(server, model, ca_file)


@app.command()
def version() -> None:
    """Print the version."""
    print(f"parlor {VERSION}")


@app.command("export-openapi")
def export_openapi() -> None:
    """Print the HTTP API as OpenAPI JSON, without starting anything."""
    from backend.cli.host import run_export_openapi  # noqa: PLC0415  # as above

    run_export_openapi()


@users.command("list")
def list_users() -> None:
    """List the people."""
    from backend.cli.host import run_list_users  # noqa: PLC0415  # as above

    run_list_users(_host_settings())


@users.command("reset")
def reset_user(
    name: Annotated[str, typer.Argument(help="Whose password to set anew.")],
    second_factor: Annotated[
        bool,
        typer.Option(
            "--second-factor", help="Remove their authenticator app and passkeys as well."
        ),
    ] = False,
) -> None:
    """Set a new password (asked for twice, or read from standard input) and end all their
    sessions. Works while the server runs."""
    from backend.cli.host import run_reset_password  # noqa: PLC0415  # as above

    run_reset_password(_host_settings(), name, second_factor=second_factor)


@users.command("setup-link")
def setup_link(
    server: Annotated[str | None, typer.Option(help="Address people will open.")] = None,
) -> None:
    """Print the one-time link that makes the owner."""
    from backend.cli.host import run_setup_link  # noqa: PLC0415  # as above

    run_setup_link(_host_settings(), server)


@keys.command("rotate")
def rotate_keys() -> None:
    """Sign tokens with a new key; nobody is signed out. Works while the server runs."""
    from backend.cli.host import run_rotate_keys  # noqa: PLC0415  # as above

    run_rotate_keys(_host_settings())


def _host_settings() -> Settings:
    settings = Settings.load()
    configure_logging("warning")
    return settings
