"""Backups under a key: nothing readable in them, and the certificate authority inside."""

from pathlib import Path

import pytest

from backend.ops.archive import BackupError
from backend.ops.archive_reading import read_authority
from backend.ops.backup import BackupOptions, make_backup, verify_backup
from backend.ops.backup_folder import list_backups
from backend.ops.backup_restore import RestoreOptions, restore_backup
from backend.ops.certificates import CertificateFiles, ensure, fingerprint
from backend.ops.rehearsal import rehearse
from backend.ops.sealed_file import BackupKey
from tests.fakes.clock import StillClock
from tests.ops.kill_points import KEY, make_state, names, owner, silent


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return make_state(tmp_path / "state", "anna")


@pytest.fixture
def authority(tmp_path: Path, clock: StillClock) -> Path:
    folder = tmp_path / "certs"
    ensure(CertificateFiles(folder), ["parlor.lan"], clock)
    return folder


@pytest.fixture
def archive(state: Path, authority: Path, tmp_path: Path, clock: StillClock) -> Path:
    options = BackupOptions(key=KEY, authority=authority)
    return make_backup(state / "parlor.db", tmp_path / "backups", clock, options, say=silent)


def restore(archive: Path, state: Path, **options: object) -> list[str]:
    said: list[str] = []
    chosen = RestoreOptions(**{"key": KEY, **options})  # type: ignore[arg-type]  # as given
    restore_backup(archive, state / "parlor.db", StillClock(), chosen, say=said.append)
    return said


def test_nothing_in_it_can_be_read_without_the_key(
    archive: Path, state: Path, authority: Path
) -> None:
    content = archive.read_bytes()
    assert archive.name.endswith(".tar.gz.enc")
    assert b"keys.json" not in content
    assert (authority / "authority.key").read_bytes()[40:80] not in content
    for key, words in ((None, "is encrypted"), (BackupKey(bytes(32)), "another key")):
        with pytest.raises(BackupError, match=words):
            verify_backup(archive, key)
    listed = list_backups(archive.parent)[0]
    assert (listed.sealed, listed.about) == (True, None)
    with_key = list_backups(archive.parent, KEY)[0].about
    assert with_key
    assert with_key.schema_number > 0


def test_it_brings_state_and_authority_to_a_host_that_has_neither(
    archive: Path, authority: Path, tmp_path: Path
) -> None:
    there, certs = tmp_path / "elsewhere" / "state", tmp_path / "elsewhere" / "certs"
    restore(archive, there, authority=certs)
    assert owner(there) == "anna"
    assert names(certs) == {"authority.crt", "authority.key"}
    assert (certs / "authority.key").stat().st_mode & 0o777 == 0o600
    assert (certs / "authority.crt").stat().st_mode & 0o777 == 0o644
    found, wanted = CertificateFiles(certs), CertificateFiles(authority)
    assert fingerprint(found.authority) == fingerprint(wanted.authority)
    assert ensure(found, ["parlor.lan"], StillClock()).authority is False
    assert not list(there.rglob("authority.*"))


def test_another_authority_that_is_there_is_kept_beside_it(
    archive: Path, tmp_path: Path, clock: StillClock
) -> None:
    certs = tmp_path / "fresh"
    ensure(CertificateFiles(certs), ["parlor.lan"], clock)
    before = (certs / "authority.key").read_bytes()
    restore(archive, tmp_path / "there", authority=certs)
    kept = certs / "authority.key.before-restore-20261120T120000Z"
    assert kept.read_bytes() == before
    # Whoever restores once more has nothing to exchange.
    restore(archive, tmp_path / "there", authority=certs, force=True)
    assert len(names(certs)) == 6


def test_without_a_place_for_it_the_authority_stays_inside_and_that_is_said(
    archive: Path, tmp_path: Path
) -> None:
    said = restore(archive, tmp_path / "there")
    assert "--authority FOLDER" in said[-1]


def test_a_plain_backup_never_holds_the_authority_and_says_what_it_is(
    state: Path, authority: Path, tmp_path: Path, clock: StillClock
) -> None:
    said: list[str] = []
    options = BackupOptions(authority=authority)
    plain = make_backup(state / "parlor.db", tmp_path / "plain", clock, options, say=said.append)
    assert read_authority(plain, None) == {}
    assert "not encrypted" in said[-2]
    assert "Left out: the certificate authority" in said[-1]


def test_a_rehearsal_opens_it_says_what_it_found_and_leaves_nothing(
    archive: Path, state: Path, clock: StillClock
) -> None:
    before = {path: path.stat().st_mtime_ns for path in state.iterdir()}
    keys = state / "keys.json"
    assert "damaged" in failure(archive, state, clock)  # kill_points writes no real keys
    keys.unlink()
    clock.forward(days=1)
    make_backup(state / "parlor.db", archive.parent, clock, BackupOptions(key=KEY), say=silent)
    done = rehearse(archive.parent, state / "parlor.db", clock, KEY, say=silent)
    assert "0 people, 0 conversations, 0 messages; schema" in done.words
    left = {path: path.stat().st_mtime_ns for path in state.iterdir()}
    assert left == {path: at for path, at in before.items() if path != keys}


def failure(archive: Path, state: Path, clock: StillClock, key: BackupKey | None = KEY) -> str:
    with pytest.raises(BackupError) as failed:
        rehearse(archive.parent, state / "parlor.db", clock, key, say=silent)
    assert not (state / ".rehearsal").exists()
    return failed.value.detail


def test_a_rehearsal_fails_for_each_thing_that_would_fail_a_restore(
    archive: Path, state: Path, authority: Path, clock: StillClock, tmp_path: Path
) -> None:
    assert "is encrypted" in failure(archive, state, clock, None)
    (state / "keys.json").unlink()
    clock.forward(days=1)
    certs = CertificateFiles(tmp_path / "mixed")
    ensure(certs, ["parlor.lan"], clock)
    certs.authority.write_bytes((authority / "authority.crt").read_bytes())
    options = BackupOptions(key=KEY, authority=certs.folder)
    mixed = make_backup(state / "parlor.db", archive.parent, clock, options, say=silent)
    assert "authority in it is not whole" in failure(archive, state, clock)
    mixed.write_bytes(mixed.read_bytes()[:-1])
    assert "its end is missing" in failure(archive, state, clock)
    for path in archive.parent.iterdir():
        path.unlink()
    assert "no backup" in failure(archive, state, clock)
