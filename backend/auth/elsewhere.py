"""The ways in by an account elsewhere: which are configured, and what is linked to whom."""

from dataclasses import dataclass

from backend.auth.accounts import Accounts
from backend.auth.audit_store import AuditEvent
from backend.auth.cloudflare_access import CloudflareAccess
from backend.auth.identity_store import IdentityStore, LinkedIdentity
from backend.auth.oidc import NewPeople, OidcSignIn
from backend.auth.oidc_provider import Client, OidcProvider
from backend.auth.people import Caller, Origin
from backend.auth.signed_tokens import Expected, PublishedKeys
from backend.db.database import Database
from backend.kit.clock import Clock
from backend.kit.errors import NotFoundError
from backend.kit.outbound import Outbound
from backend.settings.edge import AccessSettings, OidcSettings


@dataclass(frozen=True, slots=True)
class OidcOptions:
    client: Client
    new_people: NewPeople


@dataclass(frozen=True, slots=True)
class AccessOptions:
    team: str
    audience: str
    keys_url: str | None = None
    """Of tests; the team's own otherwise."""


def oidc_options(settings: OidcSettings) -> OidcOptions | None:
    if not settings.issuer:
        return None
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    client = Client(settings.issuer, settings.client_id, secret)
    return OidcOptions(client, settings.new_people)


def access_options(settings: AccessSettings) -> AccessOptions | None:
    return AccessOptions(settings.team, settings.audience) if settings.team else None


class Identities:
    """What a person may see and remove of their own; also when the provider is gone."""

    def __init__(self, store: IdentityStore) -> None:
        self._store = store

    async def listed(self, caller: Caller) -> list[LinkedIdentity]:
        return await self._store.listed(caller.user.id)

    async def unlink(self, caller: Caller, identity_id: str, *, origin: Origin) -> None:
        """Raises NotFoundError."""
        name = caller.user.username
        event = AuditEvent("identity_removed", name, name, address=origin.address)
        if not await self._store.unlink(caller.user.id, identity_id, event):
            raise NotFoundError("There is no such account.")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    identities: Identities
    oidc: OidcSignIn | None
    access: CloudflareAccess | None


def build_elsewhere(
    database: Database,
    clock: Clock,
    accounts: Accounts,
    outbound: Outbound,
    *,
    oidc: OidcOptions | None,
    access: AccessOptions | None,
) -> Elsewhere:
    store = IdentityStore(database, clock)
    sign_in = guard = None
    if oidc is not None:
        provider = OidcProvider(oidc.client, outbound, clock)
        sign_in = OidcSignIn(
            provider, store, accounts.auth, accounts.limiter, new_people=oidc.new_people
        )
    if access is not None:
        guard = CloudflareAccess(
            Expected(access.team, access.audience, ("RS256",)),
            PublishedKeys(outbound, clock),
            store,
            accounts.auth,
            clock=clock,
            keys_url=access.keys_url,
        )
    return Elsewhere(Identities(store), sign_in, guard)
