"""What the doctor asks of others: names, the time, providers' keys, tool servers, the way in."""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2

from backend.cli.doctor_finding import Finding
from backend.container import outbound_from
from backend.db.database import Database
from backend.kit.clock import Clock
from backend.providers.base import ProviderError
from backend.providers.configured import providers_from
from backend.settings import Settings
from backend.toolbox.options import servers_options
from backend.toolbox.records import Address, ServerDefinition

_PATIENCE = 6.0
_CLOCK_SECONDS = 60.0
_UNAUTHORISED = (401, 403)
_TUNNEL_DOWN = (502, 530)
_OK, _BROKEN = 200, 500


def names_asked_for(settings: Settings, servers: Iterable[ServerDefinition]) -> set[str]:
    """Names of hosts that something here needs, without addresses."""
    urls = [str(one.base_url) for one in settings.providers.providers.values()]
    urls += [settings.local.url or "", settings.oidc.issuer or "", settings.access.team or ""]
    urls += [str(settings.edge.public_url or ""), str(settings.backup.s3_url or "")]
    if settings.openrouter.api_key:
        urls.append(str(settings.openrouter.base_url))
    urls += [one.where.url for one in servers if isinstance(one.where, Address)]
    hosts = {urlsplit(url).hostname or "" for url in urls}
    return {host for host in hosts if host and host != "localhost" and not _is_address(host)}


async def check_names(names: set[str]) -> Finding:
    if not names:
        return Finding(None, "dns", "nothing here is reached by a name")
    loop = asyncio.get_running_loop()

    async def is_found(name: str) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            return False
        return True

    asked = sorted(names)
    found = await asyncio.gather(*map(is_found, asked))
    missing = [name for name, there in zip(asked, found, strict=True) if not there]
    if missing:
        return Finding(
            False,
            "dns",
            f"{', '.join(missing)}: not found. Look at /etc/resolv.conf (in a container: the host's"
            " DNS setting), and at the name itself.",
        )
    return Finding(True, "dns", f"{len(asked)} name(s) found")


class Times:
    """How far the clocks of others are from ours, by the Date in whatever they answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, datetime] = {}

    async def hear(self, answer: httpx2.Response) -> None:
        """For a client's `event_hooks`."""
        with suppress(KeyError, ValueError):
            theirs = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
            self._told[answer.url.host] = theirs

    def finding(self) -> Finding:
        now = self._clock.now()
        if not self._told:
            words = f"{now:%Y-%m-%d %H:%M} UTC; nobody to compare it with"
            return Finding(None, "clock", words)
        where, theirs = next(iter(self._told.items()))
        return _compared(theirs, now, where)


def _compared(theirs: datetime, ours: datetime, where: str) -> Finding:
    off = (ours - theirs).total_seconds()
    if abs(off) <= _CLOCK_SECONDS:
        return Finding(True, "clock", f"as {where} has it")
    return Finding(
        False,
        "clock",
        f"{abs(off):.0f} s {'ahead' if off > 0 else 'behind'} {where}: sign-ins and certificates fail."
        " `systemctl restart systemd-timesyncd`; in a container, on its host.",
    )


async def check_providers(client: httpx2.AsyncClient, settings: Settings) -> list[Finding]:
    findings = []
    async with providers_from(settings) as providers:
        for provider_id, offered in (await providers.models()).items():
            name = f"provider {provider_id}"
            if isinstance(offered, ProviderError):
                findings.append(Finding(False, name, f"{offered.detail} ({offered.code})"))
            else:
                findings.append(Finding(True, name, f"{len(offered)} models"))
        if providers.is_demo:
            findings.append(Finding(None, "hint", "only the demo answers; set OPENROUTER_API_KEY"))
    if settings.openrouter.api_key:
        findings.append(await _openrouter_key(client, settings))
    return findings


async def _openrouter_key(client: httpx2.AsyncClient, settings: Settings) -> Finding:
    """The list of models is given to anybody; a wrong key shows only here."""
    router = settings.openrouter
    key = router.api_key.get_secret_value() if router.api_key else ""
    url = f"{str(router.base_url).rstrip('/')}/key"
    try:
        answer = await client.get(url, headers={"Authorization": f"Bearer {key}"})
        told = answer.json() if answer.status_code == _OK else {}
    except (httpx2.HTTPError, ValueError) as error:
        words = f"could not be checked ({type(error).__name__}): is {url} reachable from here?"
        return Finding(False, "provider key", words)
    if answer.status_code in _UNAUTHORISED:
        words = "OPENROUTER_API_KEY is not accepted: make another at https://openrouter.ai/keys"
        return Finding(False, "provider key", words)
    data = told.get("data") if isinstance(told, dict) else None
    left = data.get("limit_remaining") if isinstance(data, dict) else None
    if isinstance(left, int | float) and left <= 0:
        words = "its limit is used up: raise it at https://openrouter.ai/keys"
        return Finding(False, "provider key", words)
    if answer.status_code != _OK:
        return Finding(None, "provider key", f"nothing is said of it (status {answer.status_code})")
    return Finding(True, "provider key", "accepted")


async def tool_servers(
    settings: Settings, database: Database, clock: Clock
) -> tuple[list[ServerDefinition], list[Finding]]:
    """Those that are switched on, and how each is. Raises StorageError."""
    from backend.toolbox import trial  # noqa: PLC0415  # start-up: the SDK, a second

    options = await asyncio.to_thread(servers_options, settings)
    found, problems = await trial.known_servers(database, clock, options)
    findings = [
        Finding(False, "tool servers", f"{options.definitions}: {problem}") for problem in problems
    ]
    outbound = outbound_from(settings)
    try:
        states = await trial.try_servers(found, options.homes, clock, outbound)
    finally:
        await outbound.aclose()
    for server in found:
        state = states[server.id]
        where = server.where.url if isinstance(server.where, Address) else "a program"
        name = f"tools {server.id}"
        if state.name in ("ready", "off"):
            findings.append(Finding(True, name, state.reason or where))
        elif state.name == "needs_sign_in":
            findings.append(Finding(None, name, "each person signs in there by themselves"))
        else:
            words = state.reason or "no answer"
            findings.append(
                Finding(
                    False,
                    name,
                    f"{where}: {words}. On its host: `systemctl status parlor-mcp`; and is its port"
                    " open to this host, with this host's token?",
                )
            )
    return found, findings


async def check_way_in(client: httpx2.AsyncClient, settings: Settings) -> Finding:
    """The public name as somebody outside would use it."""
    public = settings.edge.public_url
    if public is None:
        return Finding(None, "way in", "from the house only (PARLOR_PUBLIC_URL is not set)")
    url = f"{str(public).rstrip('/')}/health"
    try:
        answer = await client.get(url)
    except httpx2.HTTPError as error:
        words = f"{public} cannot be reached from here ({type(error).__name__}): the DNS record of"
        return Finding(
            False, "way in", f"{words} that name, then `systemctl status parlor-tunnel`."
        )
    where = answer.headers.get("location", "")
    if answer.is_redirect and "cloudflareaccess.com" in where:
        return Finding(True, "way in", f"{public}, behind Cloudflare Access")
    if answer.status_code in _TUNNEL_DOWN:
        words = (
            "answers, but its tunnel is not connected: `systemctl status parlor-tunnel` on its host"
        )
        return Finding(False, "way in", f"{public} {words}")
    if answer.status_code != _OK or b'"version"' not in answer.content:
        return Finding(
            False,
            "way in",
            f"{public} answered {answer.status_code} and not as Parlor does: does the tunnel lead to"
            " this host?",
        )
    return Finding(True, "way in", str(public))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
