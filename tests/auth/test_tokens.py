"""Signed tokens: for one use each, from one key each, for a while. Field notes O1, O4."""

import asyncio
import base64
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import jwt
import pytest

from backend.auth.accounts import Accounts, Outside, build_accounts
from backend.auth.callers import NotSignedInError, Shown
from backend.auth.people import Caller
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn, TokenPair
from backend.auth.sign_in import Proof
from backend.auth.tokens import InvalidTokenError, Subject, TokenRules, Tokens, Use
from backend.db.database import Database
from backend.kit.keyring import Keyring
from backend.settings import ALL_SETTINGS, unknown_names, variable_names
from tests.auth.conftest import PASSWORD, audit, bearer_of, caller_of, refuses
from tests.conftest import HASHER, HERE
from tests.fakes.clock import StillClock

USES: tuple[Use, ...] = ("access", "refresh", "known")


@pytest.fixture
async def pair(everything: Accounts, anna: SignedIn) -> TokenPair:
    return await everything.auth.login_program(Proof("anna", PASSWORD), HERE)


@pytest.fixture
def tokens(keyring: Keyring, clock: StillClock) -> Tokens:
    return Tokens(keyring, TokenRules(), clock)


async def test_an_access_token_is_its_person(
    accounts: AuthService, anna: SignedIn, pair: TokenPair
) -> None:
    caller = await bearer_of(accounts, pair.access)
    assert isinstance(caller, Caller)
    assert (caller.user, caller.kind) == (anna.user, "token")


def test_o4_a_token_is_good_for_one_use_alone(tokens: Tokens) -> None:
    for made in USES:
        token = tokens.sign(made, Subject("user", "session", 1))
        for read in USES:
            if read == made:
                assert tokens.read(read, token).subject == Subject("user", "session", 1)
            else:
                with pytest.raises(InvalidTokenError):
                    tokens.read(read, token)


async def test_o4_nothing_else_that_was_given_out_passes_for_an_access_token(
    accounts: AuthService, anna: SignedIn, pair: TokenPair
) -> None:
    for other in (pair.refresh, anna.known, anna.token, "", "parlor_key_", "parlor_wall_x", "é"):
        with refuses("not_signed_in"):
            await bearer_of(accounts, other)
    for cookie in (pair.access, pair.refresh, anna.known):
        with refuses("not_signed_in"):
            await accounts.identify(Shown(cookie=cookie), HERE)
        with refuses("not_signed_in"):
            await accounts.identify(Shown(wall_cookie=cookie), HERE)
    with refuses("refresh_invalid"):
        await refresh_with(accounts, pair.access)
    with refuses("refresh_invalid"):
        await refresh_with(accounts, anna.known)


async def refresh_with(accounts: AuthService, token: str) -> TokenPair:
    return await accounts._sessions.refresh(token, HERE)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(header + "==")),
        json.loads(base64.urlsafe_b64decode(payload + "==")),
    )


def unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    def text(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{text(header)}.{text(claims)}."


HOUR = 3600
WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "parlor-refresh"},
    "an audience of several": {"aud": ["parlor-api", "other"]},
    "another program's audience": {"aud": "other-api"},
    "another issuer": {"iss": "other"},
    "an issuer like ours": {"iss": "parlor "},
    "another use": {"typ": "refresh"},
    "an expired one": {"exp": -HOUR},
    "one from the future": {"iat": HOUR},
    "another person": {"sub": "user_eve"},
    "no person": {"sub": ""},
    "a number for a person": {"sub": 7},
    "another session": {"sid": "session_other"},
    "an older version": {"ver": 0},
    "a newer version": {"ver": 2},
    "a version that is true": {"ver": True},
    "a version in words": {"ver": "1"},
    "an end in words": {"exp": "later"},
    "an end that is no number": {"exp": None},
}
for absent in ("exp", "iat", "iss", "aud", "sub", "jti", "sid", "ver", "typ"):
    WRONG_CLAIMS[f"no {absent}"] = {absent: ...}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
async def test_o1_a_token_with_any_claim_wrong_is_refused(
    name: str, accounts: AuthService, pair: TokenPair, keyring: Keyring
) -> None:
    header, claims = parts(pair.access)
    key = await asyncio.to_thread(keyring.newest, "tokens")
    for claim, value in WRONG_CLAIMS[name].items():
        if value is ...:
            del claims[claim]
        elif type(value) is int and claim in ("exp", "iat"):
            claims[claim] = claims["iat"] + value
        else:
            claims[claim] = value
    forged = jwt.PyJWT().encode(
        claims, key.secret, algorithm="HS256", headers={"kid": header["kid"]}
    )
    with refuses("not_signed_in"):
        await bearer_of(accounts, forged)


async def test_o1_only_the_pinned_algorithm_and_our_own_key_count(
    accounts: AuthService, pair: TokenPair, keyring: Keyring, clock: StillClock
) -> None:
    header, claims = parts(pair.access)
    key, kid = await asyncio.to_thread(keyring.newest, "tokens"), header["kid"]
    sealing = await asyncio.to_thread(keyring.newest, "secrets")
    forged = {
        "none": unsigned(claims, {"alg": "none", "kid": kid, "typ": "JWT"}),
        "None": unsigned(claims, {"alg": "None", "kid": kid}),
        "HS512": jwt.encode(claims, key.secret * 2, algorithm="HS512", headers={"kid": kid}),
        "HS384": jwt.encode(claims, key.secret * 2, algorithm="HS384", headers={"kid": kid}),
        "another key": jwt.encode(claims, b"k" * 32, algorithm="HS256", headers={"kid": kid}),
        "no kid": jwt.encode(claims, key.secret, algorithm="HS256"),
        "an unknown kid": jwt.encode(
            claims, key.secret, algorithm="HS256", headers={"kid": "00000000"}
        ),
        "a key for other things": jwt.encode(
            claims, sealing.secret, algorithm="HS256", headers={"kid": sealing.id}
        ),
        "a seed's default key": jwt.encode(
            claims, b"change-me" * 4, algorithm="HS256", headers={"kid": kid}
        ),
        "a cut signature": pair.access[:-4],
        "another payload": ".".join(
            [pair.access.split(".")[0], unsigned({**claims, "sub": "x"}, {}).split(".")[1], "x"]
        ),
        "two tokens": f"{pair.access} {pair.access}",
    }
    passed = []
    for name, token in forged.items():
        with suppress(NotSignedInError):
            await bearer_of(accounts, token)
            passed.append(name)
    assert passed == []
    await bearer_of(accounts, pair.access)


async def test_an_access_token_ends_after_a_quarter_of_an_hour_even_when_remembered(
    accounts: AuthService, pair: TokenPair, clock: StillClock
) -> None:
    clock.forward(seconds=15 * 60 + 3)
    await bearer_of(accounts, pair.access)  # clocks may differ by a few seconds
    clock.forward(seconds=1)
    await bearer_of(accounts, pair.access)
    clock.forward(seconds=1)
    with refuses("not_signed_in"):
        await bearer_of(accounts, pair.access)


async def test_a_refresh_token_gives_the_next_pair_once(
    accounts: AuthService, pair: TokenPair, clock: StillClock
) -> None:
    clock.forward(days=6)
    following = await refresh_with(accounts, pair.refresh)
    assert (await bearer_of(accounts, following.access)).credential_id
    clock.forward(days=6)
    third = await refresh_with(accounts, following.refresh)
    clock.forward(days=7, seconds=6)
    with refuses("refresh_invalid"):
        await refresh_with(accounts, third.refresh)


async def test_a_refresh_token_that_comes_twice_ends_the_whole_chain(
    accounts: AuthService, pair: TokenPair, database: Database
) -> None:
    second = await refresh_with(accounts, pair.refresh)
    third = await refresh_with(accounts, second.refresh)
    await bearer_of(accounts, third.access)
    with refuses("refresh_reused"):
        await refresh_with(accounts, pair.refresh)
    for token in (pair, second, third):
        with refuses("not_signed_in"):
            await bearer_of(accounts, token.access)
        with refuses("refresh_invalid"):
            await refresh_with(accounts, token.refresh)
    assert (await audit(database))[-1] == ("token_reused", "anna", HERE.address)


async def test_of_two_refreshes_at_the_same_moment_exactly_one_wins(
    accounts: AuthService, pair: TokenPair
) -> None:
    outcomes = await asyncio.gather(
        *(refresh_with(accounts, pair.refresh) for _ in range(5)), return_exceptions=True
    )
    winners = [one for one in outcomes if isinstance(one, TokenPair)]
    assert len(winners) == 1
    codes = {getattr(one, "code", "") for one in outcomes if one not in winners}
    assert codes <= {"refresh_reused", "refresh_invalid"}


async def test_another_chain_of_the_same_person_goes_on(
    accounts: AuthService, pair: TokenPair
) -> None:
    other = await accounts.login_program(Proof("anna", PASSWORD), HERE)
    await refresh_with(accounts, pair.refresh)
    with refuses("refresh_reused"):
        await refresh_with(accounts, pair.refresh)
    await bearer_of(accounts, other.access)


async def test_signing_out_with_a_token_ends_all_tokens_of_the_person_and_no_browser(
    everything: Accounts, accounts: AuthService, anna: SignedIn, pair: TokenPair
) -> None:
    other = await accounts.login_program(Proof("anna", PASSWORD), HERE)
    caller = await bearer_of(accounts, pair.access)
    assert isinstance(caller, Caller)
    await everything.sessions.log_out(caller, origin=HERE)
    for one in (pair, other):
        with refuses("not_signed_in"):
            await bearer_of(accounts, one.access)
        with refuses("refresh_invalid"):
            await refresh_with(accounts, one.refresh)
    await caller_of(accounts, anna.token)


ENDINGS = {
    "disabled": "UPDATE users SET disabled_at = 1",
    "another version": "UPDATE users SET token_version = token_version + 1",
    "the session closed": "DELETE FROM sessions WHERE kind = 'token'",
    "the person deleted": "DELETE FROM users",
}


@pytest.mark.parametrize("name", ENDINGS)
async def test_what_another_process_ends_is_refused_within_two_seconds(
    name: str, accounts: AuthService, pair: TokenPair, database: Database, clock: StillClock
) -> None:
    await bearer_of(accounts, pair.access)
    await database.write(lambda c: c.execute(ENDINGS[name]))
    clock.forward(seconds=2)
    with refuses("not_signed_in"):
        await bearer_of(accounts, pair.access)
    with refuses("refresh_invalid"):
        await refresh_with(accounts, pair.refresh)


async def test_a_new_key_signs_and_the_old_one_is_read_for_its_life(
    accounts: AuthService, pair: TokenPair, outside: Outside, clock: StillClock
) -> None:
    elsewhere = Outside(
        outside.database, Keyring(outside.state_dir, clock), outside.state_dir, clock
    )
    await build_accounts(elsewhere, hasher=HASHER).auth.rotate_key()
    later = await accounts.login_program(Proof("anna", PASSWORD), HERE)
    assert parts(later.access)[0]["kid"] != parts(pair.access)[0]["kid"]
    await bearer_of(accounts, pair.access)
    following = await refresh_with(accounts, pair.refresh)
    assert parts(following.access)[0]["kid"] == parts(later.access)[0]["kid"]
    assert ("signing_key_changed", "", "") in await audit(outside.database)


def test_a_key_replaced_longer_than_a_refresh_token_lives_is_gone(
    tokens: Tokens, clock: StillClock
) -> None:
    old = tokens.sign("known", Subject("user"))
    tokens.rotate_key()
    tokens.read("known", old)
    clock.forward(days=7, seconds=1)
    tokens.rotate_key()
    with pytest.raises(InvalidTokenError):
        tokens.read("known", old)


async def test_lives_and_names_are_the_operators_choice(
    outside: Outside, anna: SignedIn, clock: StillClock
) -> None:
    rules = TokenRules(timedelta(minutes=1), timedelta(minutes=5), "house", "house-tokens")
    auth = build_accounts(outside, rules, hasher=HASHER).auth
    pair = await auth.login_program(Proof("anna", PASSWORD), HERE)
    _, claims = parts(pair.access)
    assert (claims["iss"], claims["aud"]) == ("house", "house-tokens-api")
    assert claims["exp"] - claims["iat"] == 60
    assert parts(pair.refresh)[1]["aud"] == "house-tokens-refresh"
    assert pair.access_life == timedelta(minutes=1)
    clock.forward(seconds=66)
    with refuses("not_signed_in"):
        await bearer_of(auth, pair.access)


def test_no_setting_names_the_signing_key() -> None:
    """A key that is typed by hand is often the one of an example; one that is set is reported."""
    assert unknown_names(["CHAT_JWT_SECRET_KEY", "CHAT_JWT_ISSUER"]) == ("CHAT_JWT_SECRET_KEY",)
    names = {name for kind in ALL_SETTINGS for name in variable_names(kind).values()}
    assert "CHAT_ACCESS_TOKEN_EXPIRE_MINUTES" in names


async def test_a_header_that_is_there_decides_alone(
    accounts: AuthService, anna: SignedIn, pair: TokenPair
) -> None:
    good = anna.token
    for header in ("", "Bearer", "Bearer x", f"Basic {pair.access}", pair.access, "bearer  "):
        with refuses("not_signed_in"):
            await accounts.identify(Shown(cookie=good, authorization=header), HERE)
    for header in (f"Bearer {pair.access}", f"bearer {pair.access}", f"BEARER  {pair.access} "):
        found = await accounts.identify(Shown(cookie=good, authorization=header), HERE)
        assert isinstance(found.caller, Caller)
        assert found.caller.kind == "token"


async def test_the_database_knows_no_refresh_token(pair: TokenPair, database: Database) -> None:
    _, claims = parts(pair.refresh)
    files = await asyncio.to_thread(
        lambda: b"".join(one.read_bytes() for one in database.path.parent.iterdir())
    )
    assert claims["sid"].encode() in files
    assert claims["jti"].encode() not in files
    assert pair.refresh.encode() not in files
