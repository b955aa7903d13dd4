"""`parlor certs`: the local authority and the server's certificate, on this host."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.kit.clock import SystemClock
from backend.settings import Settings

certs = typer.Typer(no_args_is_help=True, help="The local certificate authority (on this host).")

Folder = Annotated[
    Path | None, typer.Option(help="Where the files lie; certs in the state folder when not said.")
]


@certs.command("make")
def make_certificates(
    names: Annotated[list[str], typer.Argument(help="Every host name and address of the server.")],
    folder: Folder = None,
) -> None:
    """Make what is missing and renew what ends within a month; else change nothing."""
    from backend.ops.certificates import (  # noqa: PLC0415  # start-up: one command, one import
        CertificateFiles,
        ensure,
        fingerprint,
    )

    files = CertificateFiles(folder or _default_folder())
    made = ensure(files, names, SystemClock())
    if made.authority:
        print(f"Made the authority. Every device has to trust it once: {files.authority}")
        print(f"  SHA-256 {fingerprint(files.authority)}")
    if made.server:
        print(f"Made the certificate {files.server}, good until {made.expires_at:%Y-%m-%d}.")
    if not made.authority and not made.server:
        print(f"Unchanged: {files.server} is good until {made.expires_at:%Y-%m-%d}.")


@certs.command("show")
def show_certificates(folder: Folder = None) -> None:
    """Print where the certificates lie and their fingerprints, as JSON."""
    from backend.ops.certificates import (  # noqa: PLC0415  # as above
        CertificateFiles,
        fingerprint,
    )

    files = CertificateFiles(folder or _default_folder())
    found = {
        name: {"file": str(path), "sha256": fingerprint(path)}
        for name, path in (("authority", files.authority), ("server", files.server))
        if path.exists()
    }
    print(json.dumps(found, indent=2))


def _default_folder() -> Path:
    return Settings.load().server.state_dir / "certs"
