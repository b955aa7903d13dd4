"""What is found of the host and of backups: one judgement for the doctor, readiness and the app."""

from datetime import UTC, tzinfo
from pathlib import Path

from backend.kit.clock import Clock
from backend.ops.backup import in_words
from backend.ops.backup_folder import SEALED, newest_backup
from backend.ops.care import backup_problem, copy_problem, noted, rehearsal_problem
from backend.ops.finding import Finding, judged
from backend.ops.host_checks import (
    certificate_end,
    certificate_problem,
    disk_problem,
    disk_room,
    keys_problem,
)
from backend.settings.backup import BackupSettings
from backend.settings.server import ServerSettings


def host_findings(server: ServerSettings, clock: Clock) -> list[Finding]:
    state, certificate = server.state_dir, server.tls_cert
    keys = judged("keys", "Keys", keys_problem(state, clock), "Readable.")
    return [_disk(state), keys, _certificate(certificate, clock)]


def _disk(state: Path) -> Finding:
    problem = disk_problem(state)
    words = "" if problem else "{} of {} are free.".format(*map(in_words, disk_room(state)))
    return judged("disk", "Disk", problem, words)


def _certificate(certificate: Path | None, clock: Clock) -> Finding:
    if certificate is None:
        return Finding(
            *("certificate", "Certificate", "off", "None: only this machine can reach Parlor."),
            "Make one with `parlor certs make`, then set `PARLOR_TLS_CERT` and `PARLOR_TLS_KEY`.",
        )
    problem = certificate_problem(certificate, clock)
    words = "" if problem else f"Good until {certificate_end(certificate):%Y-%m-%d}."
    return judged("certificate", "Certificate", problem, words)


def care_findings(
    backup: BackupSettings, state: Path, clock: Clock, zone: tzinfo = UTC
) -> list[Finding]:
    """Backups, their copies, and whether one was tried out."""
    if backup.dir is None:
        return [
            Finding(
                *("backup", "Backup", "off", "None is made by itself."),
                "Set `PARLOR_BACKUP_DIR` and run `parlor backup` every night.",
            )
        ]
    problem = backup_problem(backup.dir, state, clock, zone)
    words = "" if problem else _newest_in_words(backup.dir)
    return [
        judged("backup", "Backup", problem, words),
        _copy(backup.copy_to, state, clock, zone),
        _rehearsal(state, clock, zone),
    ]


def _copy(place: str | None, state: Path, clock: Clock, zone: tzinfo) -> Finding:
    name, title = "copy", "Copy elsewhere"
    if place is None:
        words = "None: a fire takes both."
        return Finding(
            name,
            title,
            "off",
            words,
            "Set `PARLOR_BACKUP_COPY_TO` to a folder or bucket elsewhere.",
        )
    last = noted(state, "copy")
    words = f"{place}: {last.words}" if last else "None yet."
    return judged(name, title, copy_problem(place, state, clock, zone), words)


def _rehearsal(state: Path, clock: Clock, zone: tzinfo) -> Finding:
    last = noted(state, "rehearsal")
    words = f"It can be restored. {last.words}" if last else "None yet; it is done weekly."
    return judged("rehearsal", "Restore tried out", rehearsal_problem(state, clock, zone), words)


def _newest_in_words(folder: Path) -> str:
    newest = newest_backup(folder) if folder.is_dir() else None
    if newest is None:
        return "None yet; it comes tonight."
    if newest.name.endswith(SEALED):
        return f"Recent and encrypted, in {folder}."
    return f"Recent, in {folder}, not encrypted: `parlor backup key`, PARLOR_BACKUP_KEY."
