"""How to trust this Parlor's own certificate authority: a page for people, the file for devices.

Rendered here and without a script: who opens it may have a browser that trusts nothing of ours yet.
"""

import asyncio
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from backend.api.deps import ServicesDep, site_of
from backend.kit.addresses import parsed, plain_host
from backend.kit.errors import NotFoundError
from backend.kit.qr import qr_rows
from backend.ops.authority import Authority, read_authority

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Without `sandbox`, which browsers may take as a ban on the download that this is."""
_FILE_NAME = "parlor-authority.crt"
_ABSENT = (
    "This Parlor has no certificate authority of its own. Whoever runs it can make one with"
    " `parlor certs make`, or name another's in PARLOR_CA_CERT."
)
_QUIET = 4
"""Modules of margin, without which cameras find no code."""
_SYSTEMS = {
    "apple_phone": ("iphone", "ipad", "macintosh"),  # an iPad says that it is a Macintosh
    "android": ("android",),
    "mac": ("macintosh",),
    "windows": ("windows",),
    "linux": ("linux", "cros"),
    "firefox": ("firefox",),
}
"""Section of the page -> words in a User-Agent that open it."""


@router.get("/ca")
async def authority_page(request: Request, services: ServicesDep) -> Response:
    """The page; opened where the visitor's system is described."""
    authority = await _authority(services)
    if authority is None:
        return await asyncio.to_thread(_page, "ca_absent.html", 404, {})
    agent = request.headers.get("user-agent", "").lower()
    address = f"{site_of(request).origin}/ca"
    return await asyncio.to_thread(_shown, authority, address, agent)


@router.get("/ca.crt")
async def authority_file(services: ServicesDep) -> Response:
    """PEM, because Linux wants that and everybody else takes it."""
    authority = await _authority(services)
    if authority is None:
        raise NotFoundError(_ABSENT)
    headers = {
        "Content-Disposition": f'attachment; filename="{_FILE_NAME}"',
        "Content-Security-Policy": _FILE_POLICY,
    }
    return Response(authority.pem, media_type="application/x-x509-ca-cert", headers=headers)


@router.get("/ca.css")
async def authority_style() -> Response:
    return Response(await asyncio.to_thread(_text, "ca.css"), media_type="text/css")


_LIMITED = (
    "<p>It can vouch for this Parlor and for private networks only: trusting it does not let"
    " anybody pretend to be your bank.</p>"
)


async def _authority(services: ServicesDep) -> Authority | None:
    return await asyncio.to_thread(read_authority, services.settings.server.authority)


def _shown(authority: Authority, address: str, agent: str) -> HTMLResponse:
    given = {
        "name": escape(authority.name),
        "fingerprint": _grouped(authority.fingerprint),
        "ends": f"{authority.ends_at.day} {authority.ends_at:%B %Y}",
        "limit": _LIMITED if authority.is_limited else "",
        "share": _share(address) if _is_reachable(address) else "",
    }
    opened = {
        system: "open" if _is_on(agent, system, words) else "" for system, words in _SYSTEMS.items()
    }
    return _page("ca.html", 200, given | opened)


def _page(name: str, status: int, given: dict[str, str]) -> HTMLResponse:
    """`given` is HTML already."""
    headers = {"Content-Security-Policy": _POLICY}
    return HTMLResponse(Template(_text(name)).substitute(given), status, headers)


@cache
def _text(name: str) -> str:
    return (files("backend.api") / name).read_text("utf-8")


def _is_on(agent: str, system: str, words: tuple[str, ...]) -> bool:
    if system == "linux" and "android" in agent:
        return False
    return any(word in agent for word in words)


def _grouped(fingerprint: str) -> str:
    """Eight bytes a line, so that two can be compared by eye."""
    pairs = fingerprint.split(":")
    rows = (pairs[at : at + 8] for at in range(0, len(pairs), 8))
    return "\n".join(" ".join(row) for row in rows)


def _is_reachable(address: str) -> bool:
    """From another device."""
    host = urlsplit(address).hostname or ""
    number = parsed(plain_host(host))
    return not (number.is_loopback if number else host == "localhost")


@lru_cache(maxsize=32)
def _share(address: str) -> str:
    """A code that opens this page on a phone."""
    rows = qr_rows(address)
    side = len(rows) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, module in enumerate(row)
        if module == "1"
    )
    return (
        f'<figure><svg class="code" role="img" aria-label="QR code of this page"'
        f' viewBox="0 0 {side} {side}"><path d="{path}" shape-rendering="crispEdges"/></svg>'
        f"<figcaption>This page, for a phone:<br>"
        f"<code>{escape(address.removesuffix('/ca'))}<wbr>/ca</code></figcaption></figure>"
    )
