"""The one-time link: it makes the owner, once, and nobody else ever."""

import asyncio
import stat
from pathlib import Path

import pytest

from backend.auth.accounts import Outside, build_accounts
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn
from backend.auth.setup_code import SetupCode
from tests.auth.conftest import PASSWORD, caller_of, refuses
from tests.conftest import HASHER, HERE


def register(accounts: AuthService, code: str, name: str = "anna", password: str = PASSWORD):
    return accounts.register_owner(code, name, password, "", origin=HERE)


async def code_of(accounts: AuthService) -> str:
    code = await accounts.setup_code()
    assert code is not None
    return code


async def test_the_code_makes_the_owner_and_signs_them_in(accounts: AuthService) -> None:
    signed_in = await register(accounts, await code_of(accounts))
    assert signed_in.user.role == "owner"
    assert (await caller_of(accounts, signed_in.token)).user == signed_in.user


async def test_the_code_works_once(accounts: AuthService) -> None:
    code = await code_of(accounts)
    await register(accounts, code)
    with refuses("setup_done"):
        await register(accounts, code, "eve")
    assert [user.username for user in await accounts.people()] == ["anna"]


@pytest.mark.parametrize("wrong", ["ABCDE-FGHJK-LMNPQ-RSTUV", "", " ", "-", "é" * 23])
async def test_a_wrong_code_makes_nobody(accounts: AuthService, wrong: str) -> None:
    await code_of(accounts)
    with refuses("setup_code_wrong"):
        await register(accounts, wrong)
    assert await accounts.people() == []
    assert await accounts.needs_setup()


async def test_before_a_code_was_made_no_code_is_right(accounts: AuthService) -> None:
    with refuses("setup_code_wrong"):
        await register(accounts, "")


async def test_an_empty_code_file_opens_nothing(accounts: AuthService, tmp_path: Path) -> None:
    (tmp_path / "setup-code").write_text("\n")
    with refuses("setup_code_wrong"):
        await register(accounts, "")


async def test_a_code_copied_by_hand_works_too(accounts: AuthService) -> None:
    code = await code_of(accounts)
    await register(accounts, f"  {code.lower()}\n")


async def test_of_two_registrations_at_the_same_moment_one_wins(accounts: AuthService) -> None:
    code = await code_of(accounts)
    outcomes = await asyncio.gather(
        *(register(accounts, code, name) for name in ("anna", "eve", "mallory")),
        return_exceptions=True,
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, SignedIn)]
    assert len(winners) == 1
    assert [getattr(other, "code", "") for other in outcomes if other not in winners] == [
        "setup_done",
        "setup_done",
    ]
    assert await accounts.people() == [winners[0].user]


async def test_a_weak_password_does_not_use_the_code_up(accounts: AuthService) -> None:
    code = await code_of(accounts)
    with refuses("weak_password"):
        await register(accounts, code, password="short")
    await register(accounts, code)


async def test_the_code_file_is_private_and_gone_after_use(
    accounts: AuthService, tmp_path: Path
) -> None:
    code, path = await code_of(accounts), tmp_path / "setup-code"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await register(accounts, code)
    assert not path.exists()
    assert await accounts.setup_code() is None
    assert not path.exists()


async def test_the_code_stays_the_same_until_it_is_used(
    accounts: AuthService, outside: Outside
) -> None:
    later = build_accounts(outside, hasher=HASHER).auth
    assert await accounts.setup_code() == await later.setup_code()


async def test_codes_are_long_and_never_alike(tmp_path: Path) -> None:
    codes = set()
    for number in range(50):
        folder = tmp_path / str(number)
        folder.mkdir()
        codes.add(SetupCode(folder).read_or_make())
    assert len(codes) == 50
    assert {len(code.replace("-", "")) for code in codes} == {20}
    assert len({letter for code in codes for letter in code}) == 33  # 32 and the hyphen


async def test_a_code_left_behind_is_worthless_once_somebody_exists(
    accounts: AuthService, anna: SignedIn, tmp_path: Path
) -> None:
    (tmp_path / "setup-code").write_text("ABCDE-FGHJK-LMNPQ-RSTUV\n")
    with refuses("setup_done"):
        await register(accounts, "ABCDE-FGHJK-LMNPQ-RSTUV", "eve")
    assert await accounts.setup_code() is None
    assert not (tmp_path / "setup-code").exists()
