"""Looking for tool servers on the hosts and ports that the operator named."""

import asyncio
from collections.abc import Iterable, Sequence

_PROBE_SECONDS = 0.5
_AT_ONCE = 64


async def open_places(hosts: Sequence[str], ports: Iterable[int]) -> list[tuple[str, int]]:
    """Where something listens, in the order given. All are tried at once, up to a limit."""
    gate = asyncio.Semaphore(_AT_ONCE)
    places = [(host, port) for host in dict.fromkeys(hosts) for port in dict.fromkeys(ports)]

    async def probe(host: str, port: int) -> bool:
        async with gate:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    _, writer = await asyncio.open_connection(host, port)
            except (OSError, TimeoutError, UnicodeError, ValueError):
                return False
            writer.close()
            return True

    found = await asyncio.gather(*(probe(*place) for place in places))
    return [place for place, listens in zip(places, found, strict=True) if listens]


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/mcp" if ":" in host else f"http://{host}:{port}/mcp"
