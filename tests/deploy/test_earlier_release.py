"""A release from before the newest migration runs on the newest schema."""

import subprocess

import pytest

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import ROOT, Playbooks
from tests.deploy.releases import Release, from_tar, variant, without

MIGRATIONS = "backend/db/migrations"
NEWEST = f"{MIGRATIONS}/{max(path.name for path in (ROOT / MIGRATIONS).glob('*.sql'))}"


def before_the_newest_migration() -> str:
    """The commit; "" in a clone without history."""
    log = ["git", "log", "--diff-filter=A", "--format=%H", "-1", "--", NEWEST]
    added = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    before = f"{added}^" if added else "HEAD"  # not committed yet: HEAD is from before it
    parent = ["git", "rev-parse", "--verify", "--quiet", before]
    found = subprocess.run(parent, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def earlier_code(release: Release) -> dict[str, bytes | None]:
    """What turns the file into the release before; without history, into one that has only never
    heard of the newest migration."""
    commit = before_the_newest_migration()
    print(f"\nthe release before: {commit[:8] or 'this one, without its newest migration'}")
    if not commit:
        return {NEWEST: None}
    command = ["git", "archive", "--format=tar", commit, "backend"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return without(release, "backend/", but="backend/frontends/") | from_tar(archive)


def test_the_release_before_the_newest_migration_serves_on_its_schema(
    household: Household, playbooks: Playbooks, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changes = earlier_code(playbooks.release)
    folder = tmp_path_factory.mktemp("earlier")
    earlier = variant(playbooks.release, folder, "0.0.9", changes)
    written = household.ask("Hello").conversation
    schema = schema_of(lab)
    gone = [name for name in changes if name.startswith(MIGRATIONS) and changes[name] is None]
    assert gone
    print(f"without {gone}, on schema {schema}")
    done = playbooks.run("deploy.yml", release=earlier)
    assert done.good, done.output
    assert schema_of(lab) == schema
    assert household.version() == "0.0.9"
    assert written in household.conversations()
    household.sign_in()
    since = household.ask("Hello")
    assert since.text == "Hello from the lab."
    calculated = household.ask('use calculate {"expression": "6*7"}')
    assert any("42" in result for result in calculated.tools), calculated
    back = playbooks.run("deploy.yml")
    assert back.good, back.output
    assert {written, since.conversation} <= set(household.conversations())


def schema_of(lab: Lab) -> str:
    script = """
import sqlite3
file = sqlite3.connect("/var/lib/parlor/parlor.db")
print(file.execute("SELECT max(number) FROM schema_migrations").fetchone()[0])
"""
    return lab.hosts["app"].execute("python3", "-c", script).strip()
