"""A backup takes the state folder's place: all of it, or nothing happens."""

import json
import os
import stat
from pathlib import Path

import pytest

from backend.db.in_use import InUseError, in_use
from backend.db.migrate import migrate, shipped_migrations
from backend.kit.clock import SystemClock
from backend.kit.keyring import Keyring
from backend.kit.seal import Sealer
from backend.ops.archive import BackupError
from backend.ops.backup import make_backup
from backend.ops.backup_restore import RestoreOptions, restore_backup
from backend.ops.certificates import CertificateFiles, ensure
from tests.fakes.clock import StillClock
from tests.ops.kill_points import make_state, names, owner, silent
from tests.ops.test_backup import put


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make_state(tmp_path / "state", "old")


@pytest.fixture
def archive(tmp_path: Path, clock: StillClock) -> Path:
    state = make_state(tmp_path / "elsewhere", "new")
    put(state / "certs" / "authority.crt")
    put(state / "setup-code")
    return make_backup(state / "parlor.db", tmp_path / "backups", clock, say=silent)


def restore(archive: Path, state: Path, *, force: bool = False) -> list[str]:
    said: list[str] = []
    options = RestoreOptions(force=force)
    restore_backup(archive, state / "parlor.db", StillClock(), options, say=said.append)
    return said


def test_onto_a_host_that_has_nothing(archive: Path, tmp_path: Path) -> None:
    state = tmp_path / "var" / "lib" / "parlor"
    restore(archive, state)
    assert owner(state) == "new"
    assert (state / "certs" / "authority.crt").read_text() == "x"
    assert not (state / "setup-code").exists()
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "parlor.db").stat().st_mode) == 0o600
    assert names(state.parent) == {"parlor"}


def test_into_an_empty_folder_that_keeps_its_owner(archive: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(state, 12345, 12345)
    restore(archive, state)
    assert owner(state) == "new"
    owners = {path.stat().st_uid for path in (state, *state.rglob("*"))}
    assert owners == {12345 if is_root else os.geteuid()}
    assert names(tmp_path) == {"state", "elsewhere", "backups"}


def test_what_is_there_is_kept_aside_and_only_when_asked(
    archive: Path, old: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match=r"not empty.*--force"):
        restore(archive, old)
    assert owner(old) == "old"
    said = restore(archive, old, force=True)
    aside = tmp_path / "state.before-restore-20261120T120000Z"
    assert (owner(old), owner(aside)) == ("new", "old")
    assert str(aside) in said[-1]
    restore(archive, old, force=True)
    assert (owner(aside), owner(aside.with_name(f"{aside.name}-2"))) == ("old", "new")


def test_not_under_a_running_server(archive: Path, old: Path) -> None:
    with (
        in_use(old / "parlor.db"),
        pytest.raises(InUseError, match=r"running on .*parlor.db.in-use.*systemctl stop"),
    ):
        restore(archive, old, force=True)
    assert owner(old) == "old"


def test_a_damaged_backup_changes_nothing(archive: Path, old: Path, tmp_path: Path) -> None:
    before = names(tmp_path)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(BackupError):
        restore(archive, old, force=True)
    assert owner(old) == "old"
    assert names(tmp_path) == before


def test_a_backup_of_a_newer_release_is_refused_in_words(
    old: Path, tmp_path: Path, clock: StillClock
) -> None:
    known = len(shipped_migrations())
    newer = make_state(tmp_path / "newer", "new")
    later = [*shipped_migrations(), shipped_migrations()[0]]
    later[-1] = type(later[0])(known + 1, "later", "CREATE TABLE later (n INTEGER) STRICT;")
    migrate(newer / "parlor.db", later)
    archive = make_backup(newer / "parlor.db", tmp_path / "backups", clock, say=silent)
    with pytest.raises(BackupError, match=f"schema {known + 1}.*up to {known}"):
        restore(archive, old, force=True)
    assert owner(old) == "old"


def test_a_backup_of_an_older_release_is_migrated(tmp_path: Path, clock: StillClock) -> None:
    older = tmp_path / "older"
    older.mkdir()
    migrate(older / "parlor.db", shipped_migrations()[:1])
    archive = make_backup(older / "parlor.db", tmp_path / "backups", clock, say=silent)
    state = tmp_path / "state"
    restore(archive, state)
    assert migrate(state / "parlor.db") == []
    assert (state / "parlor.db.before-0002").exists()


def test_sealed_secrets_open_and_the_authority_is_the_same(tmp_path: Path) -> None:
    clock = SystemClock()
    first = make_state(tmp_path / "first", "anna")
    (first / "keys.json").unlink()
    sealed = Sealer(Keyring(first, clock)).seal("a token", "mail")
    ensure(CertificateFiles(first / "certs"), ["parlor.lan"], clock)
    archive = make_backup(first / "parlor.db", tmp_path / "backups", clock, say=silent)
    second = tmp_path / "second"
    restore(archive, second)
    assert Sealer(Keyring(second, clock)).open(sealed, "mail") == "a token"
    again = ensure(CertificateFiles(second / "certs"), ["parlor.lan"], clock)
    assert (again.authority, again.server) == (False, False)
    for name in ("authority.crt", "authority.key", "server.crt", "server.key"):
        copy, original = second / "certs" / name, first / "certs" / name
        assert copy.read_bytes() == original.read_bytes()
        assert copy.stat().st_mode == original.stat().st_mode


def interrupted(state: Path, marks: tuple[str, str]) -> Path:
    """The work folder of a killed run, and who `state` and `new` say they are."""
    work = state.with_name(".state.restoring")
    new = make_state(work / "new", "new")
    put(work / "switching.json", json.dumps({"id": "1", "aside": "state.before"}))
    for folder, mark in zip((state, new), marks, strict=True):
        if mark:
            put(folder / "restored.json", json.dumps({"id": mark, "origin": "x"}))
    return work


def test_a_switch_in_two_steps_that_was_killed_between_them_is_undone(
    archive: Path, old: Path, tmp_path: Path
) -> None:
    """Where a file system cannot exchange two folders."""
    old.rename(tmp_path / "state.before")
    interrupted(old, ("", "1"))
    with pytest.raises(BackupError, match="not empty"):
        restore(archive, old)
    assert owner(old) == "old"
    assert not (tmp_path / "state.before").exists()


def test_a_work_folder_that_cannot_be_told_is_left_alone(archive: Path, old: Path) -> None:
    work = interrupted(old, ("", "2"))
    with pytest.raises(BackupError, match="cannot be told"):
        restore(archive, old, force=True)
    assert (owner(old), owner(work / "new")) == ("old", "new")


def test_a_backup_without_a_database_is_none(tmp_path: Path, archive: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(BackupError, match="holds no other"):
        restore_backup(archive, state / "other.db", StillClock(), say=silent)
    assert not state.exists()
