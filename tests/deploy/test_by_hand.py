"""The command `parlor` on the hosts themselves: for the day when nothing else is left."""

import json
import re
import subprocess

import pytest

from tests.deploy.household import PASSWORD, Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import OPENROUTER_KEY, Playbooks
from tests.deploy.releases import Release
from tests.deploy.test_walls import SEARCH

OTHER = "another walk in the lab"
# Of the command that runs: its unit, how well it is walled in, whose it is, what it was given.
ABOUT = r"""
for _ in $(seq 100); do
    unit=$(systemctl list-units 'parlor-command-*' --plain --no-legend | cut -d' ' -f1)
    pid=$(systemctl show --property MainPID --value "${unit:-none}")
    [ "${pid:-0}" = 0 ] || break
    sleep 0.05
done
sleep 1
echo "$unit"
systemd-analyze security --no-pager "$unit" | tail -n 1
stat -c %U "/proc/$pid"
tr '\0' '\n' < "/proc/$pid/environ"
"""


def typed(
    lab: Lab, host: str, words: str, *, user: str = "root", given: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a person types on a laptop: ssh root@app parlor WORDS."""
    command = lab.ssh(host, f"parlor {words}", user=user)
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_doctor_answers_over_ssh_and_knows_what_the_service_knows(
    household: Household, lab: Lab
) -> None:
    done = typed(lab, "app", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("/var/lib/parlor/parlor.db, 1 people", "provider local", "tools calculator"):
        assert words in done.stdout, done.stdout
    assert "WRONG" not in done.stdout


def test_a_forgotten_password_is_set_anew_by_whoever_has_the_host(
    household: Household, lab: Lab
) -> None:
    """Asked for at a terminal, unseen; else one line of the input."""
    done = typed(lab, "app", "users reset anna", given=f"{OTHER}\n")
    assert done.returncode == 0, done.stderr
    assert "one line" in done.stderr
    assert refused(household, PASSWORD)
    assert not refused(household, OTHER)
    command = ["-tt", "parlor users reset anna"]
    words = lab.ssh("app", *command, user="root")
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        seen = b""
        for prompt in (b"New password: ", b"The same again: "):
            while not seen.endswith(prompt):
                more = asked.stdout.read(1)
                assert more, seen
                seen += more
            asked.stdin.write(f"{PASSWORD}\n".encode())
            asked.stdin.flush()
        seen += asked.stdout.read()
        assert asked.wait(60) == 0
    assert b"The password of anna is set" in seen
    assert PASSWORD.encode() not in seen
    household.sign_in()
    files = lab.hosts["app"].execute("bash", "-c", "find /var/lib/parlor ! -user parlor")
    assert files == ""


def refused(household: Household, password: str) -> bool:
    with household.client() as client:
        del client.headers["Authorization"]
        given = {"username": "anna", "password": password, "mode": "token"}
        return client.post("/api/auth/login", json=given).status_code == 401


def test_backups_are_made_listed_and_verified_as_the_night_does_it(
    household: Household, lab: Lab
) -> None:
    made = typed(lab, "app", "backup")
    assert made.returncode == 0, made.stderr
    listed = typed(lab, "app", "backup list")
    newest = listed.stdout.split()[0]
    assert newest in made.stdout
    assert "encrypted, Parlor" in listed.stdout
    elsewhere = lab.ssh(
        "app", f"cd /var/backups/parlor && parlor backup verify {newest}", user="root"
    )
    said = subprocess.run(elsewhere, capture_output=True, text=True, check=True).stdout
    files = lab.hosts["app"].execute("stat", "-c", "%a %U", f"/var/backups/parlor/{newest}")
    assert "is whole" in said
    assert files.split() == ["600", "parlor"]
    # The certificate authority and its key are there beside what lies in the state folder.
    packed, there = re.search(r"Packing (\d+) files", made.stdout), re.search(r"(\d+) files", said)
    assert packed, made.stdout
    assert there, said
    assert int(there[1]) == int(packed[1]) + 2


def test_a_backup_that_was_brought_to_the_host_is_restored_by_hand(
    household: Household, playbooks: Playbooks, second: Release, lab: Lab
) -> None:
    """With the house's authority, though what lay on the host is lost; nobody is signed out."""
    app = lab.hosts["app"]
    assert playbooks.run("deploy.yml", release=second).good  # it knows the schema of other tests
    household.sign_in()
    kept = household.ask("Hello").conversation
    assert typed(lab, "app", "backup").returncode == 0
    newest = typed(lab, "app", "backup list").stdout.split()[0]
    later = household.ask("Hello").conversation
    app.execute("mv", f"/var/backups/parlor/{newest}", "/tmp/")
    for words in ("backup verify", "restore --force"):
        refused = typed(lab, "app", f"{words} /tmp/{newest}")
        assert "in /var/backups/parlor it can" in refused.stderr
    app.execute("mv", f"/tmp/{newest}", "/root/")
    app.execute("bash", "-c", "rm /etc/parlor/certs/*")
    app.execute("systemctl", "stop", "parlor.socket", "parlor")
    words = lab.ssh("app", f"parlor restore --force {newest}", user="root")
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Restored {newest} to /var/lib/parlor." in done.stdout
    start = re.search(r"systemctl start [a-z. -]+", done.stderr)
    assert start, done.stderr
    app.execute(*start[0].split())
    written = household.conversations()  # with the token and the trust of before
    assert kept in written
    assert later not in written
    assert household.ask("Hello").text == "Hello from the lab."
    assert app.execute("bash", "-c", "find /var/lib/parlor ! -user parlor") == ""
    aside = app.execute("bash", "-c", "ls -d /var/lib/parlor.before-restore-*").split()
    assert len(aside) == 1
    app.execute("rm", "-r", *aside, f"/root/{newest}")
    again = playbooks.run("site.yml", release=second)
    assert (again.good, again.changes) == (True, set()), again.output
    assert playbooks.run("deploy.yml").good


def test_what_it_runs_is_the_service_s_user_behind_the_service_s_walls_and_holds_no_secret(
    household: Household, lab: Lab
) -> None:
    app = lab.hosts["app"]
    waiting = app.command("parlor", "users", "reset", "anna")
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        _, rated, user, *environment = app.execute("bash", "-c", ABOUT).splitlines()
        found = json.loads(app.execute("python3", "-c", SEARCH, given=OPENROUTER_KEY))
        assert it.stdin is not None
        it.stdin.write("\n")  # too short: nothing changes
        it.stdin.close()
        assert it.wait(60) != 0
    mark = re.search(r": ([\d.]+) ", rated)
    assert mark, rated
    assert float(mark[1]) <= 1.5, rated
    assert user == "parlor"
    assert "STATE_DIRECTORY=/var/lib/parlor" in environment
    assert not any(OPENROUTER_KEY in line for line in environment)
    assert found == []
    left = app.execute("systemctl", "list-units", "--all", "parlor-command-*", "--no-legend")
    assert left == ""


def test_each_kind_of_it_is_well_walled_in(household: Household, lab: Lab) -> None:
    """Also a restore, which has to be root's."""
    said = lab.hosts["app"].execute("bash", "-c", RATED)
    rated = re.findall(r"^(\S+) .*: ([\d.]+) ", said, re.MULTILINE)
    print("\n" + ", ".join(f"{kind} {mark}" for kind, mark in rated))
    assert [kind for kind, _ in rated] == ["server", "backup", "tools", "restore"]
    assert [kind for kind, mark in rated if float(mark) > 1.5] == []


RATED = r"""
for kind in server backup tools restore; do
    unit=parlor-command-$kind-1.service
    set -- --property User=parlor
    [ $kind != restore ] || set --
    systemd-run --quiet --collect --unit $unit "$@" /bin/sleep 60
    echo "$kind $(systemd-analyze security --no-pager $unit | tail -n 1)"
    systemctl stop $unit
done
"""


@pytest.mark.parametrize(
    ("host", "user", "words", "reason"),
    [
        ("app", "deploy", "doctor", "only root"),
        ("app", "root", "serve", "systemctl start|stop|restart parlor"),
        ("app", "root", "certs make x", "parlor-certs.service"),
        ("app", "root", "restore /etc/hostname", "A Parlor is running"),
        ("tools", "root", "doctor", "the one that people talk to"),
        ("tools", "root", "mcp serve", "it is a service here"),
    ],
)
def test_what_is_not_for_here_is_told_in_words(
    household: Household, lab: Lab, host: str, user: str, words: str, reason: str
) -> None:
    done = typed(lab, host, words, user=user)
    assert done.returncode == 1, done
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_the_tools_host_lists_its_servers(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    done = typed(lab, "tools", "mcp list")
    assert done.returncode == 0, done.stderr
    assert "calculator" in done.stdout
    assert typed(lab, "tools", "version").stdout == typed(lab, "app", "version").stdout
