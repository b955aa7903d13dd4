"""Backups at night, their key, a copy elsewhere, restores tried out and done, and who tells of it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.deploy.conftest import another, running_provider
from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.lab.network import GATEWAY
from tests.deploy.playbooks import ROOT, Playbooks
from tests.deploy.releases import Release
from tests.fakes.bucket import KEY_ID, REGION, SECRET

KEY_FILE = "parlor-backup.key"
MOUNT = "/srv/nas"
# As whoever took over the chat service would try it: its user, its view of the files, its namespaces.
INTRUDER = r"""
set -u
release=$(basename "$(readlink /opt/parlor/current)")
serving=$(systemctl show --property MainPID --value "parlor@$release.service")
systemctl start --no-block parlor-backup.service
found=
for _ in $(seq 200); do
    backup=$(systemctl show --property MainPID --value parlor-backup.service)
    [ "$backup" != 0 ] && [ -s /run/credentials/parlor-backup.service/authority.key ] && break
    sleep 0.02
done
[ "$backup" != 0 ] || { echo 'no backup ran'; exit 1; }
ls /run/credentials/parlor-backup.service | tr '\n' ' '
kill -STOP "$backup"
# The first one shows that such a look works at all.
for path in /var/lib/parlor/keys.json /run/credentials/parlor-backup.service/PARLOR_BACKUP_KEY /etc/parlor/certs/authority.key \
    /etc/parlor/backup/PARLOR_BACKUP_KEY /proc/$backup/root/run/credentials/parlor-backup.service/authority.key \
    /proc/$backup/environ /proc/$backup/mem /proc/$backup/fd/; do
    nsenter --target "$serving" --mount --user --setuid "$(id -u parlor)" --setgid "$(id -g parlor)" -- \
        python3 -c 'import os,sys; p=sys.argv[1]; os.listdir(p) if p.endswith("/") else open(p, "rb").read(1)' \
        "$path" 2>/dev/null && found="$found $path"
done
kill -CONT "$backup"
while systemctl --quiet is-active parlor-backup.service || [ "$(systemctl show -P ActiveState parlor-backup)" = activating ]
do sleep 0.1; done
echo "; read by the chat service:$found."
"""


@pytest.fixture(scope="module")
def playbooks(
    lab: Lab, first: Release, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playbooks]:
    """For hosts of their own: those of the other tests know a later schema."""
    folder = tmp_path_factory.mktemp("care")
    with another(lab, "care") as hosts, running_provider() as provider:
        yield Playbooks(hosts, provider, first, folder)


@pytest.fixture(scope="module")
def hosts(playbooks: Playbooks) -> Lab:
    return playbooks.lab


@pytest.fixture(scope="module")
def household(playbooks: Playbooks) -> Household:
    done = playbooks.run("site.yml")
    assert done.good, done.output
    return Household.set_up(playbooks.lab, done.output)


def key_of(playbooks: Playbooks) -> Path:
    return playbooks.folder / KEY_FILE


def test_the_key_is_made_once_and_the_owner_has_a_copy(
    household: Household, playbooks: Playbooks, hosts: Lab
) -> None:
    app = hosts.hosts["app"]
    key = key_of(playbooks)
    assert re.fullmatch(r"([A-Z2-7]{4}-){13}[A-Z2-7]{4}\n", key.read_text())
    assert key.stat().st_mode & 0o777 == 0o600
    assert app.execute("cat", "/etc/parlor/backup/PARLOR_BACKUP_KEY") == key.read_text()
    said = app.execute("stat", "-c", "%a %U", "/etc/parlor/backup/PARLOR_BACKUP_KEY")
    assert said.split() == ["600", "root"]
    lost = key.rename(key.with_suffix(".lost"))
    again = playbooks.run("site.yml")
    assert again.good, again.output
    assert again.changed == 1  # the copy is back
    assert key.read_text() == lost.read_text()
    assert key.read_text().strip() not in again.output


def test_another_key_beside_the_inventory_is_not_used_in_silence(
    household: Household, playbooks: Playbooks
) -> None:
    key = key_of(playbooks)
    right = key.read_text()
    key.write_text("-".join(["AAAA"] * 14) + "\n")
    try:
        refused = playbooks.run("site.yml")
    finally:
        key.write_text(right)
    assert not refused.good
    assert "is not the one on the host" in refused.reason
    assert right.strip() not in refused.output


def test_the_backup_of_the_night_is_encrypted_and_the_chat_service_can_open_nothing_of_it(
    household: Household, hosts: Lab
) -> None:
    """Also while it runs, under the same user."""
    app = hosts.hosts["app"]
    said = app.execute("bash", "-c", INTRUDER)
    assert "PARLOR_BACKUP_KEY authority.crt authority.key" in said
    assert "read by the chat service: /var/lib/parlor/keys.json." in said, said
    (name,) = app.execute("ls", "/var/backups/parlor").split()
    assert name.endswith(".tar.gz.enc")
    line = app.execute("sed", "-n", "2p", "/etc/parlor/certs/authority.key").strip()
    for secret in ("SQLite format", line, "keys.json"):
        count = app.execute("bash", "-c", f"grep -c -a -F '{secret}' /var/backups/parlor/* || true")
        assert count.strip() == "0"
    timers = app.execute("systemctl", "list-timers", "--all", "--no-legend", "parlor*")
    assert "parlor-backup.timer" in timers
    assert "parlor-rehearsal.timer" in timers


def test_a_restore_is_tried_out_and_the_page_of_status_tells_of_it(
    household: Household, playbooks: Playbooks, hosts: Lab
) -> None:
    app = hosts.hosts["app"]
    app.execute("systemctl", "start", "parlor-rehearsal.service")
    page = playbooks.run("status.yml")
    assert page.good, page.output
    assert page.changed == 0
    assert "WRONG" not in page.output, page.output
    for words in (
        "ok     database",
        "ok     backup                 recent and encrypted",
        "ok     restore tried out",
        "1 people",
        "ok     tools calculator",
        "ok     certificate",
        "ok     provider local",
        "next      ",
    ):
        assert words in page.output, page.output
    with household.client() as client:
        checks = client.get("/health/ready").json()["checks"]
    assert checks["rehearsal"] == {"ok": True, "detail": ""}
    assert checks["backup"] == {"ok": True, "detail": ""}
    assert checks["tools/calculator"]["ok"] is True


def test_a_backup_that_is_damaged_is_noticed_by_the_rehearsal_and_told(
    household: Household, playbooks: Playbooks, hosts: Lab
) -> None:
    app = hosts.hosts["app"]
    app.execute("bash", "-c", "cd /var/backups/parlor && truncate -s -9 $(ls | tail -n 1)")
    app.execute("bash", "-c", "! systemctl start parlor-rehearsal.service")
    page = playbooks.run("status.yml")
    assert "WRONG  restore tried out" in page.output
    assert "its end is missing" in page.output
    assert "WRONG     parlor-rehearsal.service: failed" in page.output
    app.execute("bash", "-c", "rm /var/backups/parlor/*; systemctl start parlor-backup")
    app.execute("systemctl", "start", "parlor-rehearsal.service")
    assert "WRONG" not in playbooks.run("status.yml").output


def test_copies_go_to_a_mounted_disk_and_a_missing_one_is_told(
    household: Household, playbooks: Playbooks, hosts: Lab
) -> None:
    app = hosts.hosts["app"]
    settings = playbooks.inventory()["all"]["vars"]["parlor_settings"]
    given = playbooks.inventory(parlor_settings={**settings, "PARLOR_BACKUP_COPY_TO": MOUNT})
    done = playbooks.run("site.yml", inventory=given)
    assert done.good, done.output
    absent = playbooks.run("backup.yml", inventory=given)
    assert not absent.good
    assert "Is the disk mounted?" in absent.reason
    app.execute("install", "-d", "-o", "parlor", "-g", "parlor", "-m", "700", MOUNT)
    assert playbooks.run("backup.yml", inventory=given).good
    newest = app.execute("bash", "-c", "ls /var/backups/parlor | tail -n 1").strip()
    assert newest in app.execute("ls", MOUNT).split()
    sums = app.execute("sha256sum", f"{MOUNT}/{newest}", f"/var/backups/parlor/{newest}")
    assert len({line.split()[0] for line in sums.splitlines()}) == 1
    assert "ok     copy elsewhere" in playbooks.run("status.yml", inventory=given).output
    assert playbooks.run("site.yml").good


def test_copies_go_to_a_bucket_with_a_secret_that_the_server_does_not_have(
    household: Household, playbooks: Playbooks, hosts: Lab
) -> None:
    app = hosts.hosts["app"]
    settings = playbooks.inventory()["all"]["vars"]["parlor_settings"]
    bucket = {
        "PARLOR_BACKUP_COPY_TO": "s3://house/nightly",
        "PARLOR_BACKUP_S3_URL": f"http://{GATEWAY}:9998",
        "PARLOR_BACKUP_S3_REGION": REGION,
        "PARLOR_BACKUP_S3_KEY_ID": KEY_ID,
    }
    given = playbooks.inventory(
        parlor_settings=settings | bucket, parlor_secrets={"PARLOR_BACKUP_S3_SECRET": SECRET}
    )
    command = [sys.executable, "-m", "tests.deploy.bucket", GATEWAY, "9998"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        assert service.stdout.readline().startswith("listening")
        try:
            done = playbooks.run("site.yml", inventory=given)
            assert done.good, done.output
            assert SECRET not in done.output
            secrets = app.execute("ls", "/etc/parlor/backup", "/etc/parlor/credentials")
            assert secrets.count("PARLOR_BACKUP_S3_SECRET") == 1
            made = playbooks.run("backup.yml", inventory=given)
            assert made.good, made.output
            page = playbooks.run("status.yml", inventory=given).output
            assert "ok     copy elsewhere         s3://house/nightly: " in page
        finally:
            service.terminate()
    alone = playbooks.run("backup.yml", inventory=given)
    assert not alone.good
    assert "cannot be reached" in alone.reason
    assert playbooks.run("site.yml").good
    assert app.execute("ls", "/etc/parlor/backup").split() == ["PARLOR_BACKUP_KEY"]


def test_two_fresh_hosts_become_the_household_from_last_night_s_backup(
    household: Household, playbooks: Playbooks, hosts: Lab, tmp_path: Path
) -> None:
    """The same people, conversations, paired displays, and the authority that they trust."""
    household.context = Household.trusting(hosts)
    household.sign_in()
    written = household.ask("Hello").conversation
    with household.client() as client:
        session = client.get("/api/auth/me").json()["user"]["id"]
    wall = paired_display(household)
    assert playbooks.run("backup.yml", "-e", f"backup_to={tmp_path}").good
    (archive,) = tmp_path.iterdir()
    assert archive.name.endswith(".enc")
    hosts.reset()
    restored = playbooks.run("restore.yml", "-e", f"restore_file={archive}")
    assert restored.good, restored.output
    # With the context of before: a display that trusted the old authority trusts this host.
    with household.client() as client:
        assert client.get("/api/auth/me").json()["user"]["id"] == session
        seen = client.get("/api/devices/me", headers={"Authorization": f"Bearer {wall}"})
        assert (seen.status_code, seen.json()["name"]) == (200, "Kitchen")
    assert written in household.conversations()
    assert household.ask("Hello").text == "Hello from the lab."
    app = hosts.hosts["app"]
    said = app.execute("stat", "-c", "%a %U", "/etc/parlor/certs/authority.key")
    assert said.split() == ["600", "root"]
    again = playbooks.run("site.yml")
    assert (again.good, again.changed) == (True, 0), again.output
    app.execute("systemctl", "start", "parlor-backup.service")
    app.execute("systemctl", "start", "parlor-rehearsal.service")


def test_without_its_key_a_backup_is_refused_before_anything_is_touched(
    household: Household, playbooks: Playbooks, hosts: Lab, tmp_path: Path
) -> None:
    assert playbooks.run("backup.yml", "-e", f"backup_to={tmp_path}").good
    (archive,) = tmp_path.iterdir()
    key = key_of(playbooks)
    elsewhere = key.rename(tmp_path / "kept.key")
    try:
        refused = playbooks.run("restore.yml", "-e", f"restore_file={archive}")
        assert not refused.good
        assert refused.changed == 0
        assert "there is no key" in refused.reason
        with_it = ("-e", f"restore_file={archive}", "-e", f"restore_key={elsewhere}")
        assert playbooks.run("restore.yml", *with_it).good
    finally:
        elsewhere.rename(key)
    assert hosts.hosts["app"].execute("ls", "-A", "/etc/parlor/backup").split() == [
        "PARLOR_BACKUP_KEY"
    ]
    household.sign_in()
    assert household.ask("Hello").text == "Hello from the lab."


def paired_display(household: Household) -> str:
    """The token of a display on the wall."""
    with household.client() as client:
        pairing = client.post("/api/devices/pairings", json={}).json()
        approval = {"code": pairing["code"], "name": "Kitchen"}
        approved = client.post("/api/devices/pairings/approve", json=approval)
        assert approved.is_success, approved.text
    with httpx2.Client(base_url=household.address, verify=household.context) as wall:
        claim = {"secret": pairing["secret"], "token": True}
        claimed = wall.post("/api/devices/pairings/claim", json=claim)
        assert claimed.is_success, claimed.text
        return str(json.loads(claimed.content)["token"])
