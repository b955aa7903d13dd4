"""O1, O2: what a program has to show for its tokens, and what a copy of them is good for."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from backend.auth.people import User
from backend.container import Services
from backend.db.database import Connection
from tests.api.apps.program import REDIRECT, VERIFIER, Program, challenge_of
from tests.api.conftest import Newcomer


def refused(answer: httpx2.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    assert not {"access_token", "refresh_token"} & answer.json().keys()


async def kinds(services: Services) -> list[str]:
    found, _ = await services.audit.page(cursor=None, limit=50)
    return [one.event.kind for one in reversed(found)]


async def test_a_program_that_was_let_in_gets_tokens_for_mcp(program: Program) -> None:
    pair = await program.tokens()
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 3600
    assert pair["scope"] == "chat tools"
    assert await program.is_in(pair["access_token"])


async def test_o8_tokens_and_codes_are_stored_as_hashes_alone(
    program: Program, services: Services
) -> None:
    back = await program.answered()
    pair = (await program.exchanges(back["code"])).json()
    waiting = (await program.answered())["code"]

    def everything(connection: Connection) -> str:
        tables = ("app_clients", "app_codes", "app_grants", "app_tokens", "audit_events")
        return repr(
            [tuple(row) for name in tables for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608  # names from above
        )

    stored = await services.database.read(everything)
    assert program.client_id in stored
    family = pair["refresh_token"].partition(".")[0].removeprefix("parlor_renew_")
    for secret in (back["code"], waiting, pair["access_token"], pair["refresh_token"], family):
        assert secret not in stored


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": challenge_of(VERIFIER)}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/back"}, "invalid_grant"),
        ({"client_id": "client_other"}, "invalid_grant"),
        ({"client_id": None}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"resource": "http://127.0.0.1:8000/api"}, "invalid_target"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"client_secret": "guessed"}, "invalid_client"),
    ],
)
async def test_o2_a_code_is_good_for_whoever_asked_and_nobody_else(
    changes: dict[str, str | None], error: str, program: Program
) -> None:
    code = (await program.answered())["code"]
    status = 401 if error == "invalid_client" else 400
    refused(await program.exchanges(code, **changes), error, status)


@pytest.mark.parametrize("left_out", ["redirect_uri", "resource"])
async def test_what_the_code_is_bound_to_anyway_need_not_be_said_again(
    left_out: str, program: Program
) -> None:
    code = (await program.answered())["code"]
    assert (await program.exchanges(code, **{left_out: None})).status_code == 200


async def test_o2_a_code_that_was_tried_with_a_wrong_verifier_is_void(program: Program) -> None:
    code = (await program.answered())["code"]
    refused(await program.exchanges(code, code_verifier="w" * 64), "invalid_grant")
    refused(await program.exchanges(code), "invalid_grant")


async def test_o2_a_code_that_comes_twice_ends_what_came_of_it(
    program: Program, services: Services
) -> None:
    code = (await program.answered())["code"]
    pair = (await program.exchanges(code)).json()
    pair = (await program.refreshes(pair["refresh_token"])).json()
    assert await program.is_in(pair["access_token"])

    refused(await program.exchanges(code), "invalid_grant")

    assert not await program.is_in(pair["access_token"])
    refused(await program.refreshes(pair["refresh_token"]), "invalid_grant")
    assert (await kinds(services))[-2:] == ["app_allowed", "app_reused"]


async def test_o2_a_code_shown_many_times_at_once_gives_nothing_that_lasts(
    program: Program,
) -> None:
    code = (await program.answered())["code"]
    answers = await asyncio.gather(*(program.exchanges(code) for _ in range(5)))
    (pair,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert not await program.is_in(pair["access_token"])


async def test_o1_a_refresh_token_shown_many_times_at_once_gives_nothing_that_lasts(
    program: Program,
) -> None:
    first = await program.tokens()
    answers = await asyncio.gather(*(program.refreshes(first["refresh_token"]) for _ in range(5)))
    (pair,) = [answer.json() for answer in answers if answer.status_code == 200]
    for one in (first, pair):
        assert not await program.is_in(one["access_token"])


async def test_o2_a_code_of_another_program_is_refused(
    program: Program, newcomer: Newcomer
) -> None:
    code = (await program.answered())["code"]
    other = await Program(await newcomer(), program.person).registers()
    refused(await other.exchanges(code), "invalid_grant")


async def test_a_code_is_good_for_a_minute(program: Program, services: Services) -> None:
    code = (await program.answered())["code"]
    await wait(services, "app_codes", timedelta(seconds=60))
    refused(await program.exchanges(code), "invalid_grant")


async def wait(services: Services, table: str, time: timedelta) -> None:
    """As if it had passed."""
    millis = round(time.total_seconds() * 1000)
    statement = f"UPDATE {table} SET expires_at = expires_at - {millis}"  # noqa: S608  # names from tests
    await services.database.write(lambda c: c.execute(statement))
    services.auth.forget()


async def test_an_access_token_is_good_for_an_hour(program: Program, services: Services) -> None:
    pair = await program.tokens()
    await wait(services, "app_tokens", timedelta(hours=1))
    assert not await program.is_in(pair["access_token"])
    fresh = (await program.refreshes(pair["refresh_token"])).json()
    assert await program.is_in(fresh["access_token"])


async def test_a_refresh_token_is_good_for_thirty_days(
    program: Program, services: Services
) -> None:
    pair = await program.tokens()
    await wait(services, "app_grants", timedelta(days=30))
    refused(await program.refreshes(pair["refresh_token"]), "invalid_grant")


async def test_o1_a_refresh_token_that_comes_twice_ends_the_grant(
    program: Program, services: Services
) -> None:
    first = await program.tokens()
    second = (await program.refreshes(first["refresh_token"])).json()
    assert await program.is_in(second["access_token"])

    refused(await program.refreshes(first["refresh_token"]), "invalid_grant")

    refused(await program.refreshes(second["refresh_token"]), "invalid_grant")
    assert not await program.is_in(second["access_token"])
    assert (await kinds(services))[-1] == "app_reused"
    assert (await program.person.get("/api/auth/apps")).json() == {"items": []}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "client_other"}, "invalid_grant"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "admin"}, "invalid_grant"),
        ({"refresh_token": "parlor_renew_x.y"}, "invalid_grant"),
        ({"refresh_token": "parlor_renew_"}, "invalid_grant"),
        ({"client_secret": "guessed"}, "invalid_client"),
    ],
)
async def test_o1_a_refresh_that_is_wrong_changes_nothing(
    changes: dict[str, str], error: str, program: Program
) -> None:
    pair = await program.tokens()
    status = 401 if error == "invalid_client" else 400
    refused(await program.refreshes(pair["refresh_token"], **changes), error, status)
    assert (await program.refreshes(pair["refresh_token"])).status_code == 200


async def test_a_refresh_may_ask_for_less_and_never_for_more(program: Program) -> None:
    pair = await program.tokens(scope="tools")
    assert pair["scope"] == "tools"
    more = (await program.refreshes(pair["refresh_token"], scope="tools chat admin")).json()
    assert more["scope"] == "tools"

    pair = await program.tokens(scope="tools chat")
    less = (await program.refreshes(pair["refresh_token"], scope="chat")).json()
    assert less["scope"] == "chat"
    again = (await program.refreshes(less["refresh_token"])).json()
    assert again["scope"] == "chat tools"


@pytest.mark.parametrize("what", ["access_token", "refresh_token"])
async def test_a_program_can_give_back_what_it_has(what: str, program: Program) -> None:
    pair = await program.tokens()
    wrong = await program.gives_back(pair[what], "client_other")
    assert wrong.status_code == 200
    assert await program.is_in(pair["access_token"])

    given = await program.gives_back(pair[what])

    assert given.status_code == 200
    assert not await program.is_in(pair["access_token"])
    is_all = what == "refresh_token"
    assert (await program.refreshes(pair["refresh_token"])).status_code == (400 if is_all else 200)


async def test_giving_back_what_is_none_is_no_error(program: Program) -> None:
    answer = await program.gives_back("made up")
    assert answer.status_code == 200


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"grant_type=authorization_code&grant_type=refresh_token", FORM),
        (b"grant_type", FORM),
        (b"\xff\xfe=1", FORM),
        (b"&".join(b"a%d=1" % number for number in range(100)), FORM),
        (b'{"grant_type": "authorization_code"}', {"content-type": "application/json"}),
        (b"grant_type=authorization_code", {}),
        (b"", FORM),
    ],
)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
async def test_a_form_that_two_could_read_differently_is_refused(
    path: str, body: bytes, headers: dict[str, str], stranger: httpx2.AsyncClient, owner: User
) -> None:
    refused(await stranger.post(path, content=body, headers=headers), "invalid_request")


async def test_a_form_that_is_too_large_is_refused(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.post("/oauth/token", content=b"a=" + b"x" * 30_000, headers=FORM)
    refused(answer, "invalid_request", 413)


async def test_a_program_that_shows_a_secret_is_told_to_show_none(program: Program) -> None:
    code = (await program.answered())["code"]
    form = {"grant_type": "authorization_code", "code": code}
    answer = await program.http.post("/oauth/token", data=form, auth=("x", "y"))
    refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"] == "Basic"


async def test_the_token_endpoint_is_not_asked_without_end(program: Program) -> None:
    answers = [await program.refreshes("parlor_renew_a.b") for _ in range(121)]
    assert {answer.status_code for answer in answers[:-1]} == {400}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_grant_has_few_tokens_at_a_time(program: Program, services: Services) -> None:
    pair: dict[str, Any] = await program.tokens()
    first = pair["access_token"]
    for _ in range(12):
        pair = (await program.refreshes(pair["refresh_token"])).json()
    count = await services.database.read(
        lambda c: c.execute("SELECT count(*) FROM app_tokens").fetchone()[0]
    )
    assert count == 10
    services.auth.forget()
    assert not await program.is_in(first)
    assert await program.is_in(pair["access_token"])
