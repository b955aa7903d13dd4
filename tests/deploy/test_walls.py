"""What strangers can reach, and where secrets can be read: nowhere but where they belong."""

import json
import re
import socket
from contextlib import suppress

import httpx2
import pytest

from tests.deploy.household import PASSWORD, Household
from tests.deploy.lab.hosts import Host
from tests.deploy.lab.lab import Lab
from tests.deploy.playbooks import OPENROUTER_KEY, Playbooks

UNITS = """
set -e
mkdir -p /opt/parlor/tools/x
cp /bin/true /opt/parlor/tools/x/start
trap 'rm -r /opt/parlor/tools/x' EXIT
for unit in $(ls /etc/systemd/system | grep '^parlor.*\\.service$'); do
    case $unit in *@.service) unit=${unit%.service}x.service;; esac
    systemd-analyze verify "$unit"
    echo "$unit $(systemd-analyze security --no-pager "$unit" | tail -n 1)"
done
for unit in $(ls /etc/systemd/system | grep -E '^parlor.*\\.(socket|timer)$'); do
    systemd-analyze verify "$unit"
done
"""


def open_ports(host: Host) -> set[int]:
    """Of all 65,535; seen from another machine."""
    found = set()
    for port in range(1, 65536):
        with suppress(OSError), socket.socket() as probe:
            probe.settimeout(0.05)
            probe.connect((host.address, port))
            found.add(port)
    return found


def test_from_the_lan_only_the_documented_ports_answer(household: Household, lab: Lab) -> None:
    """And nothing at all listens to UDP."""
    assert open_ports(lab.hosts["app"]) == {22, 8000}
    assert open_ports(lab.hosts["tools"]) == {22}
    for host in lab.hosts.values():
        assert host.execute("ss", "--udp", "--listening", "--no-header", "--numeric") == ""


def test_the_tools_answer_the_app_host_alone_and_only_with_the_token(
    household: Household, lab: Lab
) -> None:
    address = lab.hosts["tools"].address
    script = f"""
import urllib.request, urllib.error
token = open("/etc/parlor/tools.token").read()
for sent in ("", "wrong", token):
    request = urllib.request.Request("http://{address}:9003/mcp", b"{{}}", {{"Authorization": "Bearer " + sent}})
    try:
        print(urllib.request.urlopen(request, timeout=5).status)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
    said = lab.hosts["app"].execute("python3", "-c", script).split()
    assert said[:2] == ["401", "401"]
    assert said[2] not in ("401", "403", "421")


def test_the_tools_keep_their_wall_when_the_hosts_own_rules_are_read_again(
    household: Household, lab: Lab
) -> None:
    """Debian's begin with forgetting all there are. No tool server restarts for that."""
    tools = lab.hosts["tools"]
    pid = tools.execute("systemctl", "show", "-P", "MainPID", "parlor-mcp.service")
    for verb in ("start", "reload", "restart", "stop"):
        tools.execute("systemctl", verb, "nftables.service")
        rules = tools.execute("nft", "list", "ruleset")
        assert "tcp dport 9001-9099 drop" in rules, verb
    assert tools.execute("systemctl", "show", "-P", "MainPID", "parlor-mcp.service") == pid


def test_plain_http_and_unknown_names_get_nothing(household: Household, lab: Lab) -> None:
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"http://{lab.hosts['app'].address}:8000/", timeout=5)
    with household.client() as client:
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 421


def test_every_unit_is_valid_and_well_walled_in(household: Household, lab: Lab) -> None:
    for host in lab.hosts.values():
        said = host.execute("bash", "-c", UNITS)
        rated = re.findall(r"^(\S+) .*: ([\d.]+) ", said, re.MULTILINE)
        print(f"\n{host.name}: " + ", ".join(f"{unit} {mark}" for unit, mark in rated))
        assert rated
        assert [unit for unit, mark in rated if float(mark) > 1.5] == []


def test_secrets_are_nowhere_but_in_files_for_root_and_the_service(
    household: Household, playbooks: Playbooks, lab: Lab
) -> None:
    """Also not in what the loudest run of the playbooks says."""
    other = "sk-or-v1-lab-turned-9876543210fedcba9876543210"
    loud = playbooks.run(
        "site.yml",
        "-vvv",
        "--diff",
        inventory=playbooks.inventory(
            parlor_openrouter_key=other,
            parlor_secrets={"PARLOR_OIDC_CLIENT_SECRET": "hush-hush-hush-1"},
        ),
    )
    assert loud.good, loud.output[-3000:]
    token = lab.hosts["app"].execute("cat", "/etc/parlor/tools.token").strip()
    authority_key = lab.hosts["app"].execute("sed", "-n", "2p", "/etc/parlor/certs/authority.key")
    server_key = lab.hosts["app"].execute("sed", "-n", "2p", "/etc/parlor/certs/server.key")
    secrets = [OPENROUTER_KEY, other, "hush-hush-hush-1", token, authority_key, server_key]
    backup_key = lab.hosts["app"].execute("cat", "/etc/parlor/backup/PARLOR_BACKUP_KEY")
    secrets += [PASSWORD, household.token, backup_key]
    secrets = [secret.strip() for secret in secrets]
    for secret in secrets:
        assert secret not in loud.output
        for host in lab.hosts.values():
            seen = host.execute("python3", "-c", SEARCH, given=secret)
            assert json.loads(seen) == [], (host.name, seen)
    quiet = playbooks.run("site.yml")
    assert quiet.good, quiet.output
    left = lab.hosts["app"].execute("ls", "/etc/parlor/credentials").split()
    assert left == ["OPENROUTER_API_KEY"]


def test_the_authority_s_key_is_on_one_host_for_root_alone(household: Household, lab: Lab) -> None:
    said = lab.hosts["app"].execute("stat", "-c", "%a %U", "/etc/parlor/certs/authority.key")
    assert said.split() == ["600", "root"]
    found = lab.hosts["tools"].execute("find", "/", "-xdev", "-name", "authority.key")
    assert found == ""


# Looks for the text on its standard input: units, environments, journal, world-readable files.
SEARCH = r"""
import json, os, pathlib, stat, subprocess, sys
secret = sys.stdin.read().strip().encode()
found = []
for proc in pathlib.Path("/proc").glob("[0-9]*"):
    for name in ("environ", "cmdline"):
        try:
            if int(proc.name) != os.getpid() and secret in (proc / name).read_bytes():
                found.append(str(proc / name))
        except OSError:
            pass
journal = subprocess.run(["journalctl", "-o", "cat", "--all"], capture_output=True).stdout
if secret in journal:
    found.append("journal")
units = subprocess.run("systemctl cat 'parlor*'; systemctl show 'parlor*'", shell=True, capture_output=True)
if secret in units.stdout:
    found.append("units")
for top in ("/etc", "/opt", "/var", "/run", "/tmp", "/usr/local", "/root", "/home", "/srv"):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            try:
                about = os.lstat(path)
                readable = about.st_mode & 0o007 and stat.S_ISREG(about.st_mode)
                if readable and about.st_size < 5_000_000 and secret in pathlib.Path(path).read_bytes():
                    found.append(path)
            except OSError:
                pass
print(json.dumps(found))
"""
