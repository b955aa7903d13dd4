"""A page of status, and the end."""

from tests.deploy.household import Household
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import Playbooks


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


def test_remove_leaves_what_people_wrote_and_all_of_it_goes_when_asked(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    app = lab.hosts["app"]
    assert playbooks.run("remove.yml").good
    assert app.execute("bash", "-c", LEFT).split() == [
        "/etc/parlor",
        "/etc/parlor/backup",
        "/etc/parlor/certs",
        "/var/lib/parlor",
    ]
    app.execute("test", "-s", "/var/lib/parlor/parlor.db")
    assert playbooks.run("remove.yml", "-e", "remove_data=true").good
    for host in lab.hosts.values():
        assert host.execute("bash", "-c", LEFT) == ""
        assert "parlor" not in host.execute("cat", "/etc/passwd")
    assert playbooks.run("remove.yml").changed == 0


LEFT = r"""
ls -d /etc/parlor /etc/parlor/* /opt/parlor /var/lib/parlor /etc/systemd/system/parlor* /usr/local/*/parlor \
    /usr/local/share/ca-certificates/* /etc/ssl/certs/parlor* /etc/systemd/system/*/parlor* 2>/dev/null
true
"""
