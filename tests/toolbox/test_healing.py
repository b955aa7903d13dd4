"""T2.2: whatever happens to a server, the next call succeeds as soon as it can, with no action."""

import asyncio

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backend.toolbox.records import Address, CallFailedError
from tests.fakes.mcp_odd import OddServer, tool
from tests.fakes.mcp_server import modern, older, oldest, running
from tests.fakes.waiting import until

ERAS = pytest.mark.parametrize("app", [modern, older, oldest])


@ERAS
async def test_t22a_after_a_restart_the_next_call_succeeds(shop, app):
    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        assert (await shop.call(server, "echo", text="before")).text == "before"
        await remote.kill()
        remote.app = app()
        await remote.start()
        assert (await shop.call(server, "echo", text="after")).text == "after"


@ERAS
async def test_t22a_the_call_in_flight_when_a_server_dies_becomes_a_tool_error(shop, app):
    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        calling = asyncio.ensure_future(shop.call(server, "hang"))
        await until(lambda: any(r[":method"] == "POST" for r in remote.requests))
        await asyncio.sleep(0.1)
        await remote.kill()
        with pytest.raises(CallFailedError, match="Shop is unreachable"):
            async with asyncio.timeout(4):
                await calling


async def test_t22a_a_call_while_a_server_starts_again_waits_for_it(shop):
    async with running(modern()) as remote:
        server = await shop.ready(remote.url)
        await remote.kill()
        calling = asyncio.ensure_future(shop.call(server, "echo", text="soon"))
        await until(lambda: server.state.name == "failed")
        remote.app = modern()
        await remote.start()
        assert (await calling).text == "soon"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, None),
        (400, None),
        (404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "?"}}),
        (400, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "No session"}}),
    ],
)
async def test_t22b_a_forgotten_session_is_opened_anew_and_the_call_succeeds(shop, status, body):
    odd = OddServer()
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.forget(status, body)
        assert (await shop.call(server, "ping")).text == "ping done"
        assert odd.handshakes == 2


async def test_t22b_a_list_that_finds_the_session_gone_takes_no_call_with_it(shop):
    """The call is on its way then, and its own answer says that it did not run."""
    odd = OddServer()
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.delays["tools/call"] = 0.4
        odd.forget(404)
        server.changed()
        assert (await shop.call(server, "ping")).text == "ping done"
        assert odd.handshakes == 2


async def test_t22b_a_server_that_forgets_every_session_is_not_asked_for_ever(shop):
    odd = OddServer()
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.results["ping"] = lambda: Response(status_code=404)
        with pytest.raises(CallFailedError, match="HTTP 404"):
            await shop.call(server, "ping")
        assert odd.asked.count("tools/call") == 2


async def test_a_call_that_may_have_run_is_not_run_twice(shop):
    odd = OddServer()
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.results["ping"] = lambda: Response(status_code=502)
        with pytest.raises(CallFailedError, match="HTTP 502"):
            await shop.call(server, "ping")
        assert odd.asked.count("tools/call") == 1


async def test_a_refusal_in_the_protocol_s_words_is_told_and_not_repeated(shop):
    odd = OddServer()
    error = {"code": -32602, "message": "text is missing"}
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        odd.results["ping"] = lambda: JSONResponse(
            {"jsonrpc": "2.0", "id": 3, "error": error}, status_code=400
        )
        with pytest.raises(CallFailedError, match="text is missing"):
            await shop.call(server, "ping")
        assert odd.asked.count("tools/call") == 1


async def test_t22c_a_server_that_is_down_at_boot_is_seen_within_5_seconds_of_coming_up(shop):
    async with running(modern()) as remote:
        await remote.kill()
        server = shop.connect(remote.url)
        await until(lambda: server.state.name == "failed")
        assert server.state.reason == "connection refused"
        remote.app = modern()
        await remote.start()
        await until(lambda: server.listing.tools, seconds=5)
        assert server.state.name == "ready"


async def test_t22d_the_failure_names_the_server_and_the_time(shop):
    async with running(modern()) as remote:
        await remote.kill()
        server = shop.connect(remote.url, id="calendar")
        await until(lambda: server.state.name == "failed")
        with pytest.raises(CallFailedError) as failure:
            await shop.call(server, "echo", text="?")
    since = f"{server.state.since:%H:%M}"
    assert str(failure.value) == (f"Calendar is unreachable since {since} (connection refused).")


async def test_a_server_that_goes_away_in_silence_is_noticed(shop):
    async with running(modern()) as remote:
        server = await shop.ready(remote.url)
        await remote.kill()
        await until(lambda: server.state.name == "failed")


async def test_t22f_a_server_that_hangs_for_ever_ends_the_call_at_its_deadline(shop):
    shop.seconds = 0.2
    async with running(modern()) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError, match=r"no answer within 0\.2 seconds"):
            await shop.call(server, "hang")
        assert (await shop.call(server, "echo", text="still here")).text == "still here"


async def test_t22f_a_server_that_never_answers_the_handshake_is_failed_with_a_reason(shop):
    odd = OddServer()
    odd.hangs = {"*"}
    async with running(odd) as remote:
        server = shop.connect(remote.url, connect_seconds=0.4)
        await until(lambda: server.state.name == "failed")
        assert server.state.reason == "no answer within 0.2 seconds"


async def test_an_older_server_that_hangs_on_what_it_does_not_know_is_used_all_the_same(shop):
    odd = OddServer()
    odd.hangs = {"server/discover"}
    async with running(odd) as remote:
        server = await shop.ready(remote.url, connect_seconds=1)
        assert (await shop.call(server, "ping")).text == "ping done"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<html>hello</html>", media_type="text/html"),
        lambda: Response("{broken", media_type="application/json"),
        {"tools": "many"},
        lambda: JSONResponse(["what"]),
    ],
)
async def test_a_server_that_answers_garbage_is_failed_with_a_reason(shop, answer):
    odd = OddServer()
    odd.results["tools/list"] = answer
    async with running(odd) as remote:
        server = shop.connect(remote.url)
        await until(lambda: server.state.name == "failed")
        assert server.state.reason


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<html>hello</html>", media_type="text/html"),
        lambda: Response("{broken", media_type="application/json"),
        lambda: Response("data: {broken\n\n", media_type="text/event-stream"),
        lambda: Response(b"\x00\xff" * 1000, media_type="application/octet-stream"),
        lambda: JSONResponse(["what"]),
        lambda: JSONResponse({"jsonrpc": "2.0", "id": "another", "result": {}}),
        {"content": "many"},
    ],
)
async def test_garbage_in_place_of_a_result_is_a_failure_of_this_call_alone(shop, answer):
    shop.seconds = 0.5
    odd = OddServer(tool("ping"), tool("pong"))
    odd.results["ping"] = answer
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        with pytest.raises(CallFailedError):
            await shop.call(server, "ping")
        assert (await shop.call(server, "pong")).text == "pong done"


async def test_t22g_missing_methods_are_no_fault(shop):
    odd = OddServer(tool("ping"))
    odd.capabilities = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}}
    async with running(odd) as remote:
        server = await shop.ready(remote.url)
        assert "prompts/list" in odd.asked
        assert [one.name for one in server.listing.tools] == ["ping"]


async def test_a_server_that_wants_a_sign_in_says_so_and_is_not_hammered(shop):
    odd = OddServer()
    challenge = {"www-authenticate": 'Bearer resource_metadata="https://x.example/meta"'}
    async with running(odd) as remote:
        odd.hangs = set()

        async def refusing(scope, receive, send) -> None:
            if scope["type"] == "lifespan":
                await odd(scope, receive, send)
            else:
                await Response(status_code=401, headers=challenge)(scope, receive, send)

        remote.app = refusing
        server = shop.connect(remote.url)
        await until(lambda: server.state.name == "needs_sign_in")
        assert "resource_metadata" in server.challenge
        with pytest.raises(CallFailedError, match="asks to sign in"):
            await shop.call(server, "ping")


async def test_a_server_that_greets_anybody_and_then_wants_a_sign_in_says_so(shop):
    """It refuses the newest way of asking for want of a sign-in, and the older one altogether."""
    challenge = {"www-authenticate": 'Bearer scope="tools"'}
    async with running(OddServer()) as remote:

        async def refusing(scope, receive, send) -> None:
            body = orjson.loads(await Request(scope, receive).body())
            status = 400 if body["method"] == "initialize" else 401
            answer = Response(status_code=status, headers=challenge if status == 401 else None)
            await answer(scope, receive, send)

        remote.app = refusing
        server = shop.connect(remote.url)
        await until(lambda: server.state.name == "needs_sign_in")
        assert server.challenge == challenge["www-authenticate"]


async def test_a_token_of_the_operator_s_that_is_refused_asks_nobody_to_sign_in(shop):
    """It has to be mended in the file, so that is said, to readiness and the doctor as well."""
    async with running(OddServer()) as remote:
        remote.app = refusing_all(remote.app)
        where = Address(remote.url, headers={"Authorization": "Bearer old"})
        server = shop.connect(where)
        await until(lambda: server.state.name == "failed")
        asked = len(remote.requests)
        assert server.state.reason == (
            "it refuses the token or header that the operator's file gives"
        )
        with pytest.raises(CallFailedError, match=r"Shop is unreachable since .* \(it refuses the"):
            await shop.call(server, "ping")
        await asyncio.sleep(0.6)
        assert len(remote.requests) <= 2 * asked  # once more for the call, and not again and again


async def test_an_event_stream_that_wants_a_sign_in_says_so(shop):
    async with running(OddServer()) as remote:
        remote.app = refusing_all(remote.app)
        server = shop.connect(Address(remote.url, "sse"))
        await until(lambda: server.state.name == "needs_sign_in")
        assert server.challenge == "Bearer"


def refusing_all(app):
    async def refusing(scope, receive, send) -> None:
        answer = Response(status_code=401, headers={"www-authenticate": "Bearer"})
        await (app if scope["type"] == "lifespan" else answer)(scope, receive, send)

    return refusing


async def test_cancelling_a_call_reaches_the_server_and_frees_the_caller_at_once(shop):
    app = modern()
    async with running(app) as remote:
        server = await shop.ready(remote.url)
        calling = asyncio.ensure_future(shop.call(server, "hang"))
        before = len(remote.requests)
        await until(lambda: len(remote.requests) > before)
        await asyncio.sleep(0.1)
        calling.cancel()
        async with asyncio.timeout(0.2):
            with pytest.raises(asyncio.CancelledError):
                await calling
        await until(lambda: app.given_up)


@ERAS
async def test_many_calls_run_at_the_same_time(shop, app):
    async with running(app()) as remote:
        server = await shop.ready(remote.url)
        async with asyncio.timeout(4):
            outcomes = await asyncio.gather(
                *(shop.call(server, "steps", count=1, seconds=0.2) for _ in range(30))
            )
    assert {one.text for one in outcomes} == {"all steps done"}


async def test_o3_credentials_do_not_follow_a_redirect_to_another_origin(shop):
    other = OddServer()
    async with running(other) as elsewhere, running(OddServer()) as remote:

        async def redirecting(scope, receive, send) -> None:
            response = Response(status_code=307, headers={"location": elsewhere.url})
            await response(scope, receive, send)

        remote.app = redirecting
        where = Address(remote.url, headers={"Authorization": "Bearer family-secret"})
        server = shop.connect(where)
        await until(lambda: server.state.name == "failed")
        assert remote.requests[0]["authorization"] == "Bearer family-secret"
        assert elsewhere.requests == []


async def test_o3_servers_see_nothing_of_ours(shop):
    async with running(modern()) as remote:
        server = await shop.ready(remote.url)
        await shop.call(server, "echo", text="x")
    for request in remote.requests:
        assert "cookie" not in request
        assert "authorization" not in request
        assert request["user-agent"].startswith("Parlor/")
