"""O1: a token that is not for this Parlor, or not by its provider, signs nobody in."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.auth.elsewhere.house import (
    House,
    problem,
    sign_in,
    went_home,
    who,
)
from tests.fakes.clock import StillClock
from tests.fakes.identity_provider import (
    CLIENT,
    IdentityProvider,
    SigningKey,
    signed_with_the_public_key,
    unsigned,
)


def bad_tokens() -> dict[str, Callable[[IdentityProvider], None]]:
    def says(**claims: Any) -> Callable[[IdentityProvider], None]:
        return lambda idp: idp.claims.update(claims)

    def signs(
        make: Callable[[IdentityProvider, dict[str, Any]], str],
    ) -> Callable[[IdentityProvider], None]:
        def change(idp: IdentityProvider) -> None:
            idp.signs = lambda claims: make(idp, claims)

        return change

    other = SigningKey.rsa("one")
    return {
        "another issuer": says(iss="https://evil.example"),
        "an issuer with a slash": lambda p: p.claims.update(iss=p.issuer + "/"),
        "no issuer": says(iss=None),
        "another client's": says(aud="other-client"),
        "another client's, in a list": says(aud=["other-client", "third"]),
        "no audience": says(aud=None),
        "made for another party": says(azp="other-client"),
        "shared, and no party named": says(aud=[CLIENT, "other-client"]),
        "shared, made for another": says(aud=[CLIENT, "other-client"], azp="other-client"),
        "another question's": says(nonce="something else"),
        "no question's": says(nonce=None),
        "expired": lambda p: setattr(p, "skew", -361),
        "from the future": lambda p: setattr(p, "skew", 61),
        "no end": says(exp=None),
        "an end in words": says(exp="tomorrow"),
        "no beginning": says(iat=None),
        "not valid yet": lambda p: p.claims.update(nbf=p.clock.now().timestamp() + 61),
        "nobody's": says(sub=None),
        "an empty name": says(sub=""),
        "a number": says(sub=7),
        "unsigned": signs(lambda _, claims: unsigned(claims)),
        "signed with the public key": signs(
            lambda p, claims: signed_with_the_public_key(p.key, claims)
        ),
        "signed by a stranger": signs(lambda _, claims: other.sign(claims)),
        "signed by an unknown key": signs(lambda p, claims: p.key.sign(claims, kid="unknown")),
        "with a key of its own": signs(
            lambda _, claims: other.sign(claims, jwk=other.published(), kid="one")
        ),
        "with an address of keys": signs(
            lambda p, claims: other.sign(claims, jku="https://evil.example/jwks")
        ),
        "a key id that is no word": signs(
            lambda p, claims: p.key.sign(claims, kid="../../dev/null")
        ),
        "cut off": signs(lambda p, claims: p.key.sign(claims)[:-4]),
        "no token": signs(lambda p, claims: "x"),
        "endless": signs(lambda p, claims: p.key.sign({**claims, "more": "a" * 30_000})),
    }


BAD = bad_tokens()


@pytest.mark.parametrize("name", BAD)
async def test_o1_a_token_that_is_not_for_us_signs_nobody_in(
    name: str, house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.claims = {"email": "bob@home.example", "email_verified": True}
    BAD[name](idp)
    problem(await sign_in(browser, idp), "oidc_failed")
    assert await who(browser) is None
    assert await house.stored("identities") == 0


@pytest.mark.parametrize("skew", [-359, -59, 0, 59])
async def test_clocks_may_differ_by_a_minute(
    skew: float, house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.skew = skew
    went_home(await sign_in(browser, idp, email="bob@home.example", email_verified=True))


async def test_an_audience_list_that_names_us_and_says_for_whom_is_fine(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    claims = {"aud": [CLIENT, "other"], "azp": CLIENT, "email": "bob@home.example"}
    went_home(await sign_in(browser, idp, email_verified=True, **claims))


async def test_elliptic_curves_are_read_as_well(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.key = SigningKey.ec()
    idp.published = [idp.key]
    went_home(await sign_in(browser, idp, email="bob@home.example", email_verified=True))


async def test_an_algorithm_that_the_provider_does_not_announce_is_refused(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider
) -> None:
    await house.person("bob", "bob@home.example")
    idp.metadata = {"id_token_signing_alg_values_supported": ["ES256"]}
    answer = await sign_in(browser, idp, email="bob@home.example", email_verified=True)
    problem(answer, "oidc_failed")


async def test_new_keys_are_fetched_when_they_are_met_but_once_a_minute_at_most(
    house: House, browser: httpx2.AsyncClient, idp: IdentityProvider, clock: StillClock
) -> None:
    await house.person("bob", "bob@home.example")
    idp.claims = {"email": "bob@home.example", "email_verified": True}
    went_home(await sign_in(browser, idp))
    assert idp.times("/jwks") == 1
    old, idp.key = idp.key, SigningKey.rsa("two")
    idp.published = [old, idp.key]
    problem(await sign_in(browser, idp), "oidc_failed")  # looked a moment ago
    assert idp.times("/jwks") == 1
    clock.forward(seconds=61)
    went_home(await sign_in(browser, idp))
    assert idp.times("/jwks") == 2
    idp.signs = lambda claims: old.sign(claims, kid="invented")
    for _ in range(5):
        problem(await sign_in(browser, idp), "oidc_failed")
    assert idp.times("/jwks") == 2
