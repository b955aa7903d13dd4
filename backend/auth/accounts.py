"""Everything about signing in, built on one database."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from backend.auth.api_keys import ApiKeys
from backend.auth.app_store import AppStore
from backend.auth.audit_store import AuditStore
from backend.auth.callers import Callers
from backend.auth.challenge_store import ChallengeStore
from backend.auth.device_store import DeviceStore
from backend.auth.factor_store import FactorStore
from backend.auth.key_store import KeyStore
from backend.auth.limiter import LoginLimiter
from backend.auth.passkey_store import PasskeyStore
from backend.auth.passkeys import Passkeys
from backend.auth.passwords import Passwords
from backend.auth.second_factor import SecondFactor
from backend.auth.service import AuthService
from backend.auth.session_store import SessionStore
from backend.auth.sessions import Sessions
from backend.auth.setup_code import SetupCode
from backend.auth.sign_in import SignIn
from backend.auth.store import AuthStore
from backend.auth.tokens import TokenRules, Tokens
from backend.db.database import Database
from backend.kit.clock import Clock
from backend.kit.keyring import Keyring
from backend.kit.seal import Sealer


@dataclass(frozen=True, slots=True)
class Accounts:
    auth: AuthService
    sessions: Sessions
    keys: ApiKeys
    second_factor: SecondFactor
    passkeys: Passkeys
    passwords: Passwords
    limiter: LoginLimiter


@dataclass(frozen=True, slots=True)
class Outside:
    """What accounts stand on."""

    database: Database
    keyring: Keyring
    state_dir: Path
    clock: Clock


def _nothing() -> None:
    pass


def build_accounts(
    outside: Outside,
    rules: TokenRules | None = None,
    *,
    hasher: PasswordHasher | None = None,
    on_ending: Callable[[], None] = _nothing,
) -> Accounts:
    """`on_ending`: called whenever some credential has ended."""
    database, clock = outside.database, outside.clock
    tokens = Tokens(outside.keyring, rules or TokenRules(), clock)
    passwords, limiter = Passwords(hasher), LoginLimiter(clock)
    session_store, key_store = SessionStore(database, clock), KeyStore(database, clock)
    people, audit = AuthStore(database, clock), AuditStore(database, clock)
    callers = Callers(
        session_store,
        key_store,
        DeviceStore(database, clock),
        AppStore(database, clock),
        tokens,
        clock=clock,
        on_ending=on_ending,
    )
    sessions = Sessions(session_store, tokens, clock, on_ending=callers.forget)
    second_factor = SecondFactor(FactorStore(database, clock), Sealer(outside.keyring), clock)
    auth = AuthService(
        people,
        sessions,
        callers,
        sign_in=SignIn(
            people,
            session_store,
            audit,
            passwords=passwords,
            second_factor=second_factor,
            tokens=tokens,
            limiter=limiter,
        ),
        passwords=passwords,
        setup_code=SetupCode(outside.state_dir),
        clock=clock,
    )
    return Accounts(
        auth=auth,
        sessions=sessions,
        keys=ApiKeys(key_store, clock, on_ending=callers.forget),
        second_factor=second_factor,
        passkeys=Passkeys(
            PasskeyStore(database, clock), ChallengeStore(database, clock), limiter, clock
        ),
        passwords=passwords,
        limiter=limiter,
    )
