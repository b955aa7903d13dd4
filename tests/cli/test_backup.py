"""`parlor backup` and `parlor restore`, as processes, with a server that runs."""

import fcntl
import json
import os
import re
import shutil
import stat
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import Run, started
from tests.cli.test_commands import words


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def newest(folder: Path) -> Path:
    return max(folder.glob("parlor-*.tar.gz*"))


@pytest.mark.timeout(60)
def test_a_household_moves_to_another_host_with_last_nights_backup(
    run: Run, environment: dict[str, str], tmp_path: Path, backups: Path
) -> None:
    """Made while the server runs. The same cookie, conversation, display and authority."""
    assert run("certs", "make", "parlor.lan").returncode == 0
    with started(environment, tmp_path) as server:
        cookies = server.make_owner()
        with httpx2.Client(base_url=server.address, cookies=cookies) as browser:
            made = browser.post("/api/conversations", json={"title": "kestrel"}).json()
            pairing = browser.post("/api/devices/pairings", json={}).json()
            approval = {"code": pairing["code"], "name": "Kitchen"}
            assert browser.post("/api/devices/pairings/approve", json=approval).is_success
            claim = {"secret": pairing["secret"], "token": True}
            token = browser.post("/api/devices/pairings/claim", json=claim).json()["token"]
        done = run("backup", "--to", str(backups))
        assert (done.returncode, done.stderr) == (0, "")
        refused = run("restore", str(newest(backups)), "--force")
        assert (refused.returncode, "parlor.db.in-use" in words(refused.stderr)) == (1, True)
        assert "Stop it first" in refused.stderr
    shown = run("certs", "show").stdout
    elsewhere = {"PARLOR_STATE_DIR": str(tmp_path / "elsewhere" / "state")}
    restored = run("restore", str(newest(backups)), **elsewhere)
    assert (restored.returncode, restored.stderr) == (0, "")
    shutil.rmtree(tmp_path / "state")
    with started(environment | elsewhere, tmp_path) as server:
        assert "setup" not in server.stdout
        with httpx2.Client(base_url=server.address, cookies=cookies) as browser:
            assert browser.get("/api/auth/me").json()["user"]["username"] == "anna"
            listed = browser.get("/api/conversations").json()
            assert made["id"] in json.dumps(listed)
            assert browser.get("/ca").status_code == 200
        headers = {"authorization": f"Bearer {token}"}
        assert httpx2.get(f"{server.address}/api/devices/me", headers=headers).is_success
    sums = re.compile(r"[0-9A-F:]{95}")
    assert sums.findall(run("certs", "show", **elsewhere).stdout) == sums.findall(shown)


def test_it_says_what_it_does_and_the_rest_can_be_asked(run: Run, backups: Path) -> None:
    run("migrate")
    done = run("backup", PARLOR_BACKUP_DIR=str(backups))
    said = [line.split()[0] for line in done.stdout.splitlines()]
    assert said == ["Copying", "Packing", "Checking", "Made", "It"]
    name = newest(backups).name
    listed = run("backup", "list", PARLOR_BACKUP_DIR=str(backups)).stdout
    assert (name in listed, "schema" in listed) == (True, True)
    verified = run("backup", "verify", str(backups / name))
    assert (verified.returncode, "is whole" in verified.stdout) == (0, True)
    content = bytearray((backups / name).read_bytes())
    content[len(content) // 2] ^= 1
    (backups / name).write_bytes(content)
    damaged = run("backup", "verify", str(backups / name))
    assert (damaged.returncode, "no whole backup" in words(damaged.stderr)) == (1, True)


def test_without_a_folder_it_asks_for_one(run: Run) -> None:
    for command in (("backup",), ("backup", "list")):
        refused = run(*command)
        assert (refused.returncode, "PARLOR_BACKUP_DIR" in words(refused.stderr)) == (1, True)


def test_what_cannot_be_restored_is_told_in_a_sentence(run: Run, home: Path) -> None:
    (home / "photo.jpg").write_bytes(b"no backup")
    refused = run("restore", "photo.jpg")
    assert (refused.returncode, "no whole backup" in words(refused.stderr)) == (1, True)
    missing = run("restore", "nowhere.tar.gz")
    assert (missing.returncode, "Traceback" in missing.stderr) == (2, False)


def test_a_server_does_not_start_into_a_restore(run: Run, tmp_path: Path) -> None:
    """Whoever restores holds the folder for as long as that takes."""
    run("migrate")
    lock = tmp_path / "state" / "parlor.db.in-use"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for command in (("serve", "--port", "0"), ("users", "list"), ("migrate",)):
            refused = run(*command)
            assert refused.returncode == 1
            assert "being restored" in words(refused.stderr)


@pytest.mark.timeout(60)
def test_the_doctor_looks_at_certificate_backups_and_keys(
    run: Run, tmp_path: Path, backups: Path
) -> None:
    run("migrate")
    backups.mkdir()
    certs = tmp_path / "state" / "certs"
    run("certs", "make", "parlor.lan")
    began = tmp_path / "state" / "leader.lock"
    began.touch()
    known = {
        "PARLOR_BACKUP_DIR": str(backups),
        "PARLOR_TLS_CERT": str(certs / "server.crt"),
        "PARLOR_TLS_KEY": str(certs / "server.key"),
    }

    def lines() -> dict[str, str]:
        return {line.split()[1]: line for line in run("doctor", **known).stdout.splitlines()}

    assert "it comes tonight" in lines()["backup"]
    os.utime(began, (0, 0))
    ill = lines()
    assert ill["certificate"].startswith("ok")
    assert ill["disk"].startswith("ok")
    assert ill["keys"].startswith("ok")
    assert ill["backup"].startswith("WRONG")
    assert "parlor backup --to" in ill["backup"]
    run("backup", "--to", str(backups))
    assert lines()["backup"].startswith("ok")
    old = backups / "parlor-20200101T000000Z.tar.gz"
    newest(backups).rename(old)
    (tmp_path / "state" / "keys.json").write_text("{")
    (certs / "server.crt").write_text("not one")
    ill = lines()
    assert "days old" in ill["backup"]
    assert "damaged" in ill["keys"]
    assert "is not a certificate" in ill["certificate"]


@pytest.mark.timeout(60)
def test_a_key_makes_backups_that_only_it_opens_and_a_rehearsal_is_told_by_the_doctor(
    run: Run, tmp_path: Path, backups: Path
) -> None:
    run("migrate")
    file = tmp_path / "backup.key"
    made = run("backup", "key", "--to", str(file))
    assert (made.returncode, "Keep a copy elsewhere" in made.stdout) == (0, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = run("backup", "key", "--to", str(file))
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)
    there = tmp_path / "there"
    there.mkdir()
    known = {
        "PARLOR_BACKUP_DIR": str(backups),
        "PARLOR_BACKUP_KEY": file.read_text(),
        "PARLOR_BACKUP_COPY_TO": str(there),
    }
    done = run("backup", **known)
    assert (done.returncode, "not encrypted" in done.stdout) == (0, False), done.stderr
    archive = newest(backups)
    assert [path.name for path in there.iterdir()] == [archive.name]
    assert "is encrypted" in words(run("backup", "verify", str(archive)).stderr)
    verified = run("backup", "verify", str(archive), "--key-file", str(file))
    assert "is whole: " in verified.stdout
    assert "encrypted, Parlor" in run("backup", "list", **known).stdout
    tried = run("backup", "rehearse", **known)
    assert "It can be restored. parlor-" in tried.stdout, tried.stderr
    said = run("doctor", **known).stdout
    assert "ok     backup                 recent and encrypted" in said
    assert "1 backups lie there, 1 of them new" in said
    assert "0 people, 0 conversations" in said
    archive.unlink()
    fetched = run("backup", "fetch", **known)
    assert (fetched.returncode, archive.exists()) == (0, True)
    archive.write_bytes(archive.read_bytes()[:-5])
    assert run("backup", "rehearse", **known).returncode == 1
    told = run("doctor", **known)
    assert told.returncode == 1
    assert "WRONG  restore tried out" in told.stdout
    assert "its end is missing" in told.stdout


def test_a_copy_that_fails_leaves_the_backup_and_is_told_by_the_doctor(
    run: Run, tmp_path: Path, backups: Path
) -> None:
    run("migrate")
    key = run("backup", "key").stdout.strip()
    known = {
        "PARLOR_BACKUP_DIR": str(backups),
        "PARLOR_BACKUP_KEY": key,
        "PARLOR_BACKUP_COPY_TO": str(tmp_path / "not mounted"),
    }
    done = run("backup", **known)
    assert (done.returncode, "Is the disk mounted" in words(done.stderr)) == (1, True)
    assert newest(backups)
    told = run("doctor", **known)
    assert told.returncode == 1
    assert "never good so far" in told.stdout
    plain = run("backup", "copy", **known | {"PARLOR_BACKUP_KEY": ""})
    assert "Only encrypted backups are copied" in words(plain.stderr)


def test_a_key_that_is_none_and_a_half_described_bucket_stop_the_command(run: Run) -> None:
    wrong = run(
        *("backup", "list"),
        PARLOR_BACKUP_KEY="my dog's name",
        PARLOR_BACKUP_COPY_TO="ftp://x",
        PARLOR_BACKUP_KEEP="all",
    )
    assert wrong.returncode == 2
    assert "14 groups of 4" in wrong.stderr
    assert "my dog" not in wrong.stderr
    assert "PARLOR_BACKUP_COPY_TO" in wrong.stderr
    assert "PARLOR_BACKUP_KEEP" in wrong.stderr
    half = run("backup", "copy", PARLOR_BACKUP_COPY_TO="s3://house")
    assert (half.returncode, "PARLOR_BACKUP_S3_KEY_ID" in half.stderr) == (2, True)


def test_whoever_makes_no_copies_needs_no_secret_of_the_bucket(
    run: Run, tmp_path: Path, backups: Path
) -> None:
    """On a deployment it is handed to the backup alone, and the rest is set for all."""
    bucket = {
        "PARLOR_BACKUP_DIR": str(backups),
        "PARLOR_BACKUP_COPY_TO": "s3://house/nightly",
        "PARLOR_BACKUP_S3_URL": "http://127.0.0.1:9",
        "PARLOR_BACKUP_S3_KEY_ID": "id",
    }
    assert run("migrate", **bucket).returncode == 0
    key = run("backup", "key").stdout.strip()
    refused = run("backup", "copy", **bucket, PARLOR_BACKUP_KEY=key)
    assert (refused.returncode, "PARLOR_BACKUP_S3_SECRET" in refused.stderr) == (1, True)
