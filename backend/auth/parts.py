"""People and what they sign in with, put together."""

from dataclasses import dataclass

from argon2 import PasswordHasher

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.app_clients import fetch_with
from backend.auth.audit_store import AuditStore
from backend.auth.credential_store import CredentialStore
from backend.auth.device_store import DeviceStore
from backend.auth.devices import Devices
from backend.auth.elsewhere import Elsewhere, access_options, build_elsewhere, oidc_options
from backend.auth.household import Household
from backend.auth.household_store import Detach, HouseholdStore
from backend.auth.open_streams import OpenStreams
from backend.auth.programs import Programs, build_programs
from backend.auth.store import AuthStore
from backend.auth.tokens import TokenRules
from backend.foundation import Foundation
from backend.settings.auth import AuthSettings


@dataclass(frozen=True, slots=True)
class AuthParts:
    accounts: Accounts
    elsewhere: Elsewhere
    household: Household
    devices: Devices
    programs: Programs
    streams: OpenStreams
    audit: AuditStore


def token_rules(settings: AuthSettings) -> TokenRules:
    return TokenRules(
        settings.access_life, settings.refresh_life, settings.jwt_issuer, settings.jwt_audience
    )


def build_auth(
    foundation: Foundation, *, detach: Detach, hasher: PasswordHasher | None = None
) -> AuthParts:
    """`detach`: what else goes when somebody is removed."""
    settings, outbound = foundation.settings, foundation.outbound
    database, clock = foundation.database, foundation.clock
    audit = AuditStore(database, clock)
    streams = OpenStreams(
        CredentialStore(database, clock), per_person=settings.edge.streams_per_person
    )
    accounts = build_accounts(
        Outside(database, foundation.keyring, settings.server.state_dir, clock),
        token_rules(settings.auth),
        hasher=hasher,
        on_ending=streams.something_ended,
    )
    forget = accounts.auth.forget
    return AuthParts(
        accounts=accounts,
        elsewhere=build_elsewhere(
            database,
            clock,
            accounts,
            outbound,
            oidc=oidc_options(settings.oidc),
            access=access_options(settings.access),
        ),
        household=Household(
            HouseholdStore(database, clock),
            AuthStore(database, clock),
            accounts.passwords,
            detach=detach,
            on_ending=forget,
        ),
        devices=Devices(
            DeviceStore(database, clock),
            audit,
            streams,
            hub=foundation.hub,
            clock=clock,
            on_ending=forget,
        ),
        programs=build_programs(database, clock, fetch_with(outbound), on_ending=forget),
        streams=streams,
        audit=audit,
    )
