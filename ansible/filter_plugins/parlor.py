"""What is wrong with an inventory, all of it at once and in words."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

KNOWN = {
    "parlor_address": "the address the other host reaches it by",
    "parlor_backup": "true or false: a backup every night",
    "parlor_backup_key": "file of the key that backups are encrypted with",
    "parlor_certificate": "file of your own certificate chain, instead of the local authority's",
    "parlor_certificate_key": "file of its key",
    "parlor_file": "the file to install",
    "parlor_hosted_tools": "tool servers of others",
    "parlor_names": "more names and addresses that people use in the house",
    "parlor_openrouter_key": "key of OpenRouter, or later",
    "parlor_containers": "containers to make on the Proxmox host",
    "parlor_public_url": "the address people use from outside",
    "parlor_secrets": "secret settings of Parlor, by name",
    "parlor_settings": "other settings of Parlor, by name",
    "parlor_signers": "file of keys (ssh-keygen(1), ALLOWED SIGNERS) one of which signed the file",
    "parlor_tools": "which of the tool servers that come with Parlor run",
    "parlor_tunnel": "a Cloudflare tunnel",
    "parlor_version": "a release on the host, for rollback.yml",
}
SECRET = re.compile(r"(KEY|SECRET|TOKEN|PASSWORD)$")
NAME = re.compile(r"^[A-Z][A-Z0-9_]+$")
HOST_NAME = re.compile(r"^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$", re.IGNORECASE)
TOOL = re.compile(r"^[a-z][a-z0-9-]{0,30}$")
TUNNEL = {"id", "credentials", "token", "binary", "team", "audience"}

type Values = Mapping[str, Any]


def inventory_problems(hostvars: Values, groups: Mapping[str, list[str]]) -> list[str]:
    found: list[str] = []
    hosts: dict[str, Values] = {}
    for group, purpose in (("app", "people talk to"), ("tools", "runs the tool servers")):
        names = groups.get(group, [])
        if len(names) != 1:
            had = f"it has {len(names)}" if names else "it has none"
            found.append(f"group {group}: needs the one host that {purpose}; {had}")
        hosts |= {name: hostvars[name] for name in names}
    for name, values in hosts.items():
        found += [f"{name}: {problem}" for problem in _address(values)]
    for values in list(hosts.values())[:1] or [{}]:
        found += _product(values)
    found += _containers(next(iter(hosts.values()), {}), groups)
    unknown = {key for values in hosts.values() for key in values if key.startswith("parlor_")}
    found += [f"{key}: there is no such variable" for key in sorted(unknown - KNOWN.keys())]
    return [*found, *_readable(hosts.values())]


def _address(values: Values) -> Iterable[str]:
    reached = str(values.get("ansible_host") or "")
    own = str(values.get("parlor_address") or reached)
    if not reached:
        yield "ansible_host: its address is missing"
        return
    if not HOST_NAME.match(reached) and not _is_address(reached):
        yield f"ansible_host: {reached!r} is neither an address nor a name"
    elif not _is_address(own):
        yield f"parlor_address: must be an address (not {own!r}): the firewall compares it"


def _product(values: Values) -> Iterable[str]:
    key = values.get("parlor_openrouter_key")
    if not key:
        yield "parlor_openrouter_key: is missing; write a key of OpenRouter, or later"
    elif key != "later" and not re.fullmatch(r"\S{20,}", str(key)):
        yield "parlor_openrouter_key: is no key; write one of OpenRouter, or later"
    url = str(values.get("parlor_public_url") or "")
    if url and not re.fullmatch(r"https://[a-z0-9.-]+(:\d+)?/?", url, re.IGNORECASE):
        yield "parlor_public_url: must look like https://chat.example.org"
    for name in values.get("parlor_names") or []:
        if not HOST_NAME.match(str(name)) and not _is_address(str(name)):
            yield f"parlor_names: {name!r} is neither an address nor a name"
    yield from _settings(values)
    yield from _files(values)
    yield from _tunnel(values.get("parlor_tunnel") or {}, url)
    hosted = values.get("parlor_hosted_tools") or []
    for tool in hosted:
        yield from _hosted_tool(tool)
    for what in ("name", "port"):
        for given, count in Counter(str(tool.get(what)) for tool in hosted).items():
            if count > 1:
                yield f"parlor_hosted_tools: {count} of them have the {what} {given}"


def _containers(values: Values, groups: Mapping[str, list[str]]) -> Iterable[str]:
    wanted = values.get("parlor_containers") or []
    if wanted and len(groups.get("proxmox", [])) != 1:
        yield "group proxmox: needs the one host that is to make the containers"
    for each in wanted:
        name = each.get("name", "?")
        if not isinstance(each.get("id"), int) or each["id"] < 100:
            yield f"parlor_containers: {name} needs an id, a number from 100"
        if not HOST_NAME.match(str(name)):
            yield f"parlor_containers: {name!r} is not a name"
        address, _, bits = str(each.get("address", "")).partition("/")
        if not _is_address(address) or not bits.isdigit():
            yield f"parlor_containers: {name} needs an address with its network, like 192.168.1.111/24"
        if not _is_address(str(each.get("gateway", ""))):
            yield f"parlor_containers: {name} needs a gateway, an address"


def _settings(values: Values) -> Iterable[str]:
    for variable in ("parlor_settings", "parlor_secrets"):
        given = values.get(variable) or {}
        if not isinstance(given, Mapping):
            yield f"{variable}: must be names with values"
            continue
        for name in given:
            if not NAME.match(str(name)):
                yield f"{variable}: {name!r} is not the name of a setting"
            elif name == "PARLOR_BACKUP_KEY":
                yield f"{variable}: {name} is a file of its own, see parlor_backup_key"
            elif variable == "parlor_settings" and SECRET.search(name):
                yield f"parlor_settings: {name} is a secret; it belongs into parlor_secrets"
            elif isinstance(given[name], list | Mapping):
                yield f"{variable}: {name} must be text, as the main README shows it"


def _files(values: Values) -> Iterable[str]:
    certificate, key = (values.get(f"parlor_certificate{end}") for end in ("", "_key"))
    if bool(certificate) != bool(key):
        yield "parlor_certificate and parlor_certificate_key: belong together"
    for name in ("parlor_certificate", "parlor_certificate_key", "parlor_signers"):
        if values.get(name) and not _is_file(values[name]):
            yield f"{name}: there is no file {values[name]}"
    if _is_file(certificate) and _is_file(key) and (problem := _pair_problem(certificate, key)):
        yield f"parlor_certificate_key: does not fit parlor_certificate ({problem})"


def _tunnel(tunnel: Values, url: str) -> Iterable[str]:
    if not tunnel:
        return
    for name in sorted(set(tunnel) - TUNNEL):
        yield f"parlor_tunnel: {name} is not known; there are {', '.join(sorted(TUNNEL))}"
    if not url:
        yield "parlor_public_url: a tunnel needs the name it leads to"
    by_file = bool(tunnel.get("id")) and bool(tunnel.get("credentials"))
    if by_file == bool(tunnel.get("token")):
        yield "parlor_tunnel: needs either id and credentials (a file), or token (a file)"
    for name in ("credentials", "token", "binary"):
        if tunnel.get(name) and not _is_file(tunnel[name]):
            yield f"parlor_tunnel: there is no file {tunnel[name]} ({name})"
    if bool(tunnel.get("team")) != bool(tunnel.get("audience")):
        yield "parlor_tunnel: team and audience (Cloudflare Access) belong together"


def _hosted_tool(tool: Values) -> Iterable[str]:
    name = str(tool.get("name", "?"))
    if not TOOL.match(name):
        yield f"parlor_hosted_tools: {name!r} is not a name (small letters, digits, -)"
    port = tool.get("port")
    if not isinstance(port, int) or not 9018 <= port <= 9099:
        yield f"parlor_hosted_tools: {name} needs a port from 9018 to 9099"
    if not _is_file(tool.get("file", "")):
        yield f"parlor_hosted_tools: {name} needs a file to run"
    if not re.fullmatch(r"[0-9a-f]{64}", str(tool.get("sha256", ""))):
        yield f"parlor_hosted_tools: {name} needs the SHA-256 of its file"


def _readable(hosts: Iterable[Values]) -> Iterable[str]:
    """A file with a key in it is for its owner alone, unless the vault keeps it."""
    for file in {Path(str(values.get("inventory_file") or "")) for values in hosts}:
        try:
            mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        in_clear = re.search(
            r"^\s*(parlor_secrets|parlor_openrouter_key):(?!\s*(!vault|later|\"\{\{|\"\"))",
            text,
            re.MULTILINE,
        )
        if in_clear and mode & 0o077:
            yield f"{file}: holds secrets and others may read it; chmod 600 {file}"


def listed_servers(lines: Iterable[str], wanted: Iterable[str]) -> list[dict[str, Any]]:
    """Name and port of each wanted server, from what `parlor mcp list` prints. Nothing wanted
    means all that a household has a use for."""
    found = [re.match(r" *(\d+)  (\S+)", line) for line in lines]
    names = set(wanted)
    return [
        {"id": each[2], "port": int(each[1])}
        for each in found
        if each and (each[2] in names if names else each[2] != "test-toolkit")
    ]


def tool_addresses(servers: Iterable[Values], host: str) -> list[dict[str, str]]:
    """Id and url of each, for the app's registry."""
    place = f"[{host}]" if ":" in host else host
    return [
        {"id": str(each.get("id") or each["name"]), "url": f"http://{place}:{each['port']}/mcp"}
        for each in servers
    ]


def unlike(
    names: Iterable[str], there: Iterable[str], source: str, target: str, mode: str = "644"
) -> list[str]:
    """Files of a folder that do not lie on the host as they are here. `there` is what the role
    `host` found: looking once is much quicker than asking for each."""
    known = set(there)

    def line(name: str) -> str:
        digest = hashlib.sha256(Path(source, name).read_bytes()).hexdigest()
        return f"{digest} {mode} root root {target}/{name}"

    return [name for name in names if line(name) not in known]


def with_token_files(servers: Iterable[Values], own: Iterable[str]) -> list[dict[str, Any]]:
    """A server of somebody else must not be shown the token that opens ours."""
    names = set(own)
    return [
        {
            **each,
            "token_file": f"tools.{each['id']}.token" if each["id"] in names else "tools.token",
        }
        for each in servers
    ]


def _pair_problem(certificate: Any, key: Any) -> str:
    """What a server would say to them, "" when it would take them."""
    chain, secret = (Path(str(name)).expanduser() for name in (certificate, key))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, secret, password="")
    except (OSError, ValueError) as error:  # its own errors are OSErrors
        return getattr(error, "reason", None) or str(error)
    return ""


def _is_file(name: Any) -> bool:
    return Path(str(name)).expanduser().is_file()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "inventory_problems": inventory_problems,
            "listed_servers": listed_servers,
            "tool_addresses": tool_addresses,
            "unlike": unlike,
            "with_token_files": with_token_files,
        }
