"""Everything about programs of others, built on one database."""

from collections.abc import Callable
from dataclasses import dataclass

from backend.auth.app_client_store import AppClientStore
from backend.auth.app_clients import AppClients, FetchDocument
from backend.auth.app_limits import AppLimits
from backend.auth.app_store import AppStore
from backend.auth.app_token_store import AppTokenStore
from backend.auth.app_tokens import AppTokens
from backend.auth.apps import Apps
from backend.auth.challenge_store import ChallengeStore
from backend.db.database import Database
from backend.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Programs:
    clients: AppClients
    apps: Apps
    tokens: AppTokens


def build_programs(
    database: Database, clock: Clock, fetch: FetchDocument, *, on_ending: Callable[[], None]
) -> Programs:
    """`on_ending`: called when a program has lost what it had."""
    limits = AppLimits(clock)
    clients = AppClients(AppClientStore(database, clock), limits, fetch)
    return Programs(
        clients=clients,
        apps=Apps(
            AppStore(database, clock),
            clients,
            ChallengeStore(database, clock),
            limits,
            clock,
            on_ending=on_ending,
        ),
        tokens=AppTokens(AppTokenStore(database, clock), limits, clock, on_ending=on_ending),
    )
