"""T2.2e, T2.2h, O3: tokens are renewed once for all, never lost, and seen by their server alone."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.toolbox.oauth_tokens import Tokens
from backend.toolbox.records import Address, CallFailedError, Outcome
from tests.fakes.mcp_server import running
from tests.fakes.site import FakeSite, Reply
from tests.fakes.waiting import until
from tests.toolbox.desk import Desk

PARALLEL = 20
FAILS = Reply(503, b"{}")


async def echoes(desk: Desk, server, count: int = PARALLEL) -> list[Outcome]:
    calls = (desk.shop.call(server, "echo", text=str(number)) for number in range(count))
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("told", [True, False])
async def test_t22e_twenty_calls_at_expiry_renew_once(desk: Desk, told: bool) -> None:
    """Whether our clock says so before, or the server with a 401 each."""
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.expire()
    desk.clock.forward(hours=2 if told else 0)
    outcomes = await echoes(desk, server)
    assert [one.text for one in outcomes] == [str(number) for number in range(PARALLEL)]
    assert desk.authority.refreshes == 1


async def test_a_call_that_is_given_up_does_not_end_the_renewal_it_began(desk: Desk) -> None:
    """The answer holds the only refresh token that is still good."""
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.expire()
    desk.authority.hold = asyncio.Event()
    first = asyncio.ensure_future(desk.shop.call(server, "echo", text="one"))
    await until(lambda: desk.authority.refreshes)
    second = asyncio.ensure_future(desk.shop.call(server, "echo", text="two"))
    first.cancel()
    desk.authority.hold.set()
    assert (await second).text == "two"
    assert desk.authority.refreshes == 1


async def test_a_renewal_that_comes_late_does_not_undo_a_new_sign_in(desk: Desk) -> None:
    await desk.signs_in()
    grant = await desk.grants.of("anna", "shop", desk.server.url)
    assert grant is not None
    desk.authority.hold = asyncio.Event()
    renewing = asyncio.ensure_future(grant.renew(grant.tokens.access))
    await until(lambda: desk.authority.refreshes)
    grant.adopt(grant.sign_in, Tokens("newest", "newest", None, ("tools", "mail")), grant.client)
    desk.authority.hold.set()
    assert await renewing
    assert grant.tokens.access == "newest"


async def test_a_sweep_in_the_middle_of_a_sign_in_takes_none_of_it(desk: Desk) -> None:
    """It is stored in several steps, and the sweep is for what nobody owns."""
    for _ in range(5):
        signing = asyncio.ensure_future(desk.signs_in())
        while not signing.done():
            await desk.grants.prune()
        await signing
        assert len(await desk.vault.names()) == 2
        await desk.grants.forget("anna", "shop")


async def test_rotated_tokens_outlive_a_restart(desk: Desk) -> None:
    await desk.signs_in()
    server = await desk.connected()
    for _ in range(2):
        desk.authority.expire()
        desk.clock.forward(hours=2)
        await echoes(desk, server, 2)
    await server.aclose()
    desk.restart()
    desk.authority.expire()
    desk.clock.forward(hours=2)
    server = await desk.connected()
    assert (await desk.shop.call(server, "echo", text="still")).text == "still"
    assert desk.authority.refreshes == 3


async def test_tokens_that_last_for_seconds_are_renewed_each_time(desk: Desk) -> None:
    desk.authority.seconds = 10
    await desk.signs_in()
    server = await desk.connected()
    before = desk.authority.refreshes
    for number in range(1, 4):
        desk.authority.expire()
        desk.clock.forward(seconds=11)
        assert len(await echoes(desk, server, 5)) == 5
        assert desk.authority.refreshes == before + number


async def test_an_issuer_that_does_not_rotate_keeps_its_refresh_token(desk: Desk) -> None:
    desk.authority.rotates = False
    await desk.signs_in()
    server = await desk.connected()
    for _ in range(2):
        desk.authority.expire()
        desk.clock.forward(hours=2)
        await echoes(desk, server, 2)
    assert desk.authority.refreshes == 2


async def test_t22e_a_failed_renewal_keeps_the_refresh_token(desk: Desk) -> None:
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.expire()
    desk.clock.forward(hours=2)
    desk.authority.token_reply = FAILS
    with pytest.raises(CallFailedError, match="could not be renewed just now"):
        await desk.shop.call(server, "echo", text="now")
    assert desk.authority.refreshes == 1  # and no storm: the next try waits
    desk.authority.token_reply = None
    desk.clock.forward(seconds=31)
    await server.refresh(5)
    assert (await desk.shop.call(server, "echo", text="later")).text == "later"
    assert desk.authority.refreshes == 2


@pytest.mark.parametrize("told", [True, False])
async def test_a_renewal_that_fails_is_told_at_once_and_ends_nothing_else(
    desk: Desk, told: bool
) -> None:
    """Trying again in a moment is no use: the next renewal has to wait."""
    await desk.signs_in()
    server = await desk.connected()
    session = server.session
    desk.authority.expire()
    desk.clock.forward(hours=2 if told else 0)
    desk.authority.token_reply = FAILS
    async with asyncio.timeout(2):
        for _ in range(3):
            with pytest.raises(CallFailedError, match=r"^Shop cannot be used: its sign-in could"):
                await desk.shop.call(server, "echo", text="now")
    assert server.session is session
    assert desk.authority.refreshes == 1


async def test_calls_that_find_no_renewal_leave_no_connection_behind(desk: Desk) -> None:
    """Those of all servers come from one pool: it would be empty after an hour of such calls."""
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.expire()
    before = desk.server.running.connections
    desk.authority.hold = asyncio.Event()
    calls = [asyncio.ensure_future(desk.shop.call(server, "echo", text="now")) for _ in range(5)]
    await until(lambda: desk.server.running.connections >= before + 4)
    await until(lambda: desk.authority.refreshes)
    for call in calls[:3]:
        call.cancel()
    desk.authority.token_reply = FAILS
    desk.authority.hold.set()
    await asyncio.gather(*calls, return_exceptions=True)
    for _ in range(5):
        with pytest.raises(CallFailedError):
            await desk.shop.call(server, "echo", text="now")
    # Soon: the server itself would close them after 5 s, and the pool would not know.
    await until(lambda: desk.server.running.connections <= before + 1, seconds=2)


async def test_a_renewal_that_fails_before_the_end_disturbs_nobody(desk: Desk) -> None:
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.token_reply = FAILS
    desk.clock.forward(seconds=3590)
    assert (await desk.shop.call(server, "echo", text="still good")).text == "still good"


async def test_t22e_a_revoked_sign_in_is_asked_for_again_at_that_server_only(desk: Desk) -> None:
    await desk.signs_in()
    await desk.signs_in("bob")
    server, other = await desk.connected(), await desk.connected("bob")
    for tokens in (desk.authority.access, desk.authority.refresh):
        for token in [token for token, issued in tokens.items() if issued.person == "anna"]:
            del tokens[token]
    with pytest.raises(CallFailedError, match="asks to sign in"):
        await desk.shop.call(server, "echo", text="mine")
    await until(lambda: server.state.name == "needs_sign_in")
    assert (await desk.shop.call(other, "echo", text="bob's")).text == "bob's"
    assert await desk.grants.sign_in("anna", "shop") is not None  # nothing is thrown away
    await desk.signs_in()
    await server.refresh(5)
    assert (await desk.shop.call(server, "echo", text="again")).text == "again"


async def test_an_issuer_that_forgot_parlor_is_introduced_to_it_again(desk: Desk) -> None:
    desk.authority.secret = "kestrel one"
    await desk.signs_in()
    server = await desk.connected()
    desk.authority.secret = "kestrel two"
    desk.authority.expire()
    with pytest.raises(CallFailedError, match="asks to sign in"):
        await desk.shop.call(server, "echo", text="now")
    await desk.signs_in()
    assert list(desk.authority.clients) == ["client-1", "client-2"]
    await server.refresh(5)
    assert (await desk.shop.call(server, "echo", text="again")).text == "again"


async def test_a_call_that_needs_more_leads_to_a_sign_in_that_asks_for_it(desk: Desk) -> None:
    await desk.signs_in()
    server = await desk.connected()
    with pytest.raises(CallFailedError, match="sign in"):
        await desk.shop.call(server, "paint")
    found = await desk.grants.sign_in("anna", "shop")
    assert found is not None
    assert "colours" in found.lacking
    address, _ = await desk.begin()
    asked = parse_qs(urlsplit(address).query)["scope"][0].split()
    assert set(asked) == {"tools", "colours"}
    await desk.signs_in()
    assert (await desk.grants.sign_in("anna", "shop")).lacking == ()
    await server.refresh(5)
    await until(lambda: server.session)
    assert (await desk.shop.call(server, "paint")).text == "painted"


async def test_t22h_signing_out_revokes_there_and_deletes_here(desk: Desk) -> None:
    await desk.signs_in()
    refresh = next(iter(desk.authority.refresh))
    assert await desk.grants.forget("anna", "shop") is True
    assert desk.authority.revoked == [refresh]
    assert await desk.vault.names() == []
    assert await desk.grants.sign_ins() == []
    await desk.refused()


async def test_t22h_signing_out_works_while_the_issuer_is_down(desk: Desk) -> None:
    await desk.signs_in()
    desk.restart()
    desk.authority.metadata["revocation_endpoint"] = None
    await desk.authority.__aexit__()
    assert await desk.grants.forget("anna", "shop") is False
    assert await desk.vault.names() == []


async def test_tokens_of_people_who_are_gone_are_swept(desk: Desk) -> None:
    await desk.signs_in()
    await desk.database.write(lambda c: c.execute("DELETE FROM users WHERE id = 'anna'"))
    await desk.grants.prune()
    assert await desk.vault.names() == []


async def test_o3_a_server_that_moved_gets_no_tokens(desk: Desk) -> None:
    await desk.signs_in()
    async with FakeSite(lambda _: Reply(401, b"", {"WWW-Authenticate": "Bearer"})) as site:
        moved = desk.shop.connect(f"{site.url}/mcp", person="anna")
        await until(lambda: moved.state.name == "needs_sign_in")
        assert not [asked for asked in site.asked if "authorization" in asked.headers]


async def test_o3_credentials_do_not_follow_a_redirect(desk: Desk) -> None:
    await desk.signs_in()
    async with FakeSite(lambda _: Reply(200, b"{}")) as elsewhere:

        async def app(scope, receive, send) -> None:
            if scope["type"] == "lifespan":
                return
            headers = [(b"location", f"{elsewhere.url}/mcp".encode())]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        port = desk.server.running.port
        await desk.server.running.kill()
        async with running(app, port=port) as redirecting:
            server = desk.shop.connect(desk.server.url, person="anna")
            await until(lambda: server.state.name == "failed")
            assert "authorization" in redirecting.requests[0]
        assert not [asked for asked in elsewhere.asked if "authorization" in asked.headers]


async def test_o3_servers_never_see_our_session(desk: Desk) -> None:
    await desk.signs_in()
    server = await desk.connected()
    await echoes(desk, server, 2)
    seen = [set(asked.headers) for asked in desk.authority.asked]
    seen += [set(asked) for asked in desk.server.running.requests]
    assert not [one for one in seen if one & {"cookie", "referer", "origin", "x-forwarded-for"}]


async def test_what_the_operator_gave_a_server_is_not_replaced(desk: Desk, tmp_path) -> None:
    """A token of the operator's file is the household's; a person's sign-in does not mix with it."""
    await desk.signs_in()
    token = tmp_path / "token"
    token.write_text("wrong")
    where = Address(desk.server.url, token_file=token)
    server = desk.shop.connect(where, person="anna")
    await until(lambda: server.state.name == "failed")
    assert "the operator's file" in server.state.reason  # a person's sign-in would not help
    shown = {asked.get("authorization") for asked in desk.server.running.requests}
    assert "Bearer wrong" in shown
