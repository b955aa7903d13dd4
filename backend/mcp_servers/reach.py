"""What servers may reach outside: through the one client that keeps to public addresses."""

from backend.kit.addresses import Openings
from backend.kit.outbound import Outbound
from backend.settings import Settings


def outbound_of(settings: Settings, *services: str) -> Outbound:
    """`services` are addresses the operator set for this one purpose; they may be in the house."""
    openings = Openings.of(settings.edge.lan_allow)
    for url in services:
        openings = openings.with_url(url)
    return Outbound(openings)
