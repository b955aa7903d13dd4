"""A page of status, backups, other hosts, and the end."""

from pathlib import Path

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks
from tests.deploy.releases import Release


def test_status_tells_on_one_page_how_things_are(
    household: Household, playbooks: Playbooks
) -> None:
    done = playbooks.run("status.yml")
    assert done.good, done.output
    assert done.changed == 0
    assert f"release   {playbooks.release.name}" in done.output
    assert "parlor-mcp.service: active (running)" in done.output
    assert "the certificate" in done.output
    assert "WRONG" not in done.output


def test_a_backup_brings_a_household_onto_two_fresh_hosts(
    household: Household, playbooks: Playbooks, lab: Lab, second: Release, tmp_path: Path
) -> None:
    """With its people, its conversations, and the authority that its devices trust. The backup has
    the second release's schema, so that or a newer one has to be there."""
    household.context = Household.trusting(lab)
    household.sign_in()
    written = household.ask("Hello").conversation
    made = playbooks.run("backup.yml", "-e", f"backup_to={tmp_path}")
    assert made.good, made.output
    authority = lab.hosts["app"].execute("sha256sum", "/etc/parlor/certs/authority.crt")
    (archive,) = (path for path in tmp_path.iterdir() if path.name != "parlor-authority.tar")
    lab.reset()
    restored = playbooks.run("restore.yml", "-e", f"restore_file={archive}", release=second)
    assert restored.good, restored.output
    household.sign_in()
    assert written in household.conversations()
    assert household.ask("Hello").text == "Hello from the lab."
    assert lab.hosts["app"].execute("sha256sum", "/etc/parlor/certs/authority.crt") == authority
    said = lab.hosts["app"].execute("stat", "-c", "%a %U", "/etc/parlor/certs/authority.key")
    assert said.split() == ["600", "root"]
    assert playbooks.run("site.yml", release=second).changed == 0


def test_remove_leaves_what_people_wrote_and_all_of_it_goes_when_asked(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    app = lab.hosts["app"]
    assert playbooks.run("remove.yml").good
    assert app.execute("bash", "-c", LEFT).split() == [
        "/etc/parlor",
        "/etc/parlor/certs",
        "/var/lib/parlor",
    ]
    app.execute("test", "-s", "/var/lib/parlor/parlor.db")
    assert playbooks.run("remove.yml", "-e", "remove_data=true").good
    for host in lab.hosts.values():
        assert host.execute("bash", "-c", LEFT) == ""
        assert "parlor" not in host.execute("cat", "/etc/passwd")
    assert playbooks.run("remove.yml").changed == 0


LEFT = "ls -d /etc/parlor /etc/parlor/* /opt/parlor /var/lib/parlor /etc/systemd/system/parlor* 2>/dev/null; true"
