"""What is asked of each server that nobody here wrote."""

import base64

from backend.mcp_servers.test_toolkit import square
from backend.toolbox.context import NO, Answer, Question
from tests.conformance.household import say
from tests.conformance.peer_bench import LONG, Bench

# --- time ---------------------------------------------------------------------------------------


async def tools_of_time(bench: Bench) -> None:
    assert bench.names() == {"convert_time", "get_current_time"}
    assert "Europe/Berlin" in await bench.said("get_current_time", timezone="Europe/Berlin")
    converted = await bench.said(
        "convert_time", source_timezone="Etc/UTC", time="12:00", target_timezone="Asia/Tokyo"
    )
    assert "21:00" in converted


async def errors(bench: Bench) -> None:
    await bench.refused("get_current_time", timezone="Nowhere/Land")


async def restart(bench: Bench) -> None:
    await bench.die()
    await bench.come_back()
    assert "UTC" in await bench.said("get_current_time", timezone="Etc/UTC")


TIME = (tools_of_time, errors, restart)


# --- fetch --------------------------------------------------------------------------------------


async def tools_of_fetch(bench: Bench) -> None:
    assert bench.names() == {"fetch"}
    assert "Boil the pasta" in await bench.said("fetch", url=f"{bench.site.url}/pasta")


async def robots(bench: Bench) -> None:
    assert "robots.txt" in await bench.refused("fetch", url=f"{bench.site.url}/private")


async def missing_page(bench: Bench) -> None:
    assert "404" in await bench.refused("fetch", url=f"{bench.site.url}/nothing")


async def prompts_of_fetch(bench: Bench) -> None:
    server = bench.ours.connection(bench.id)
    assert [prompt.name for prompt in server.listing.prompts] == ["fetch"]
    given = await bench.ours.calls.use(
        server,
        lambda session, attempt: session.prompt(
            "fetch", {"url": f"{bench.site.url}/pasta"}, attempt
        ),
    )
    assert "Boil the pasta" in given.text


async def long_page(bench: Bench) -> None:
    url = f"{bench.site.url}/long"
    cut = await bench.said("fetch", url=url, max_length=800_000, raw=True)
    assert LONG.strip() in await bench.read_on(cut)


async def cancelled_fetch(bench: Bench) -> None:
    await bench.gives_up("fetch", {"url": f"{bench.site.url}/slow"})
    await tools_of_fetch(bench)


async def killed_in_a_fetch(bench: Bench) -> None:
    await bench.survives("fetch", {"url": f"{bench.site.url}/slow"})
    await tools_of_fetch(bench)


FETCH = (
    tools_of_fetch,
    robots,
    missing_page,
    prompts_of_fetch,
    long_page,
    cancelled_fetch,
    killed_in_a_fetch,
)

# --- files --------------------------------------------------------------------------------------


async def tools_of_files(bench: Bench) -> None:
    assert len(bench.names()) == 14
    bench.folder.parent.mkdir(exist_ok=True)
    here = str(bench.folder)
    await bench.said("create_directory", path=here)
    note = f"{here}/note.txt"
    await bench.said("write_file", path=note, content="buy milk\nand bread")
    edit = [{"oldText": "milk", "newText": "oat milk"}]
    assert "oat milk" in await bench.said("edit_file", path=note, edits=edit)
    assert "buy oat milk" in await bench.said("read_text_file", path=note)
    assert await bench.said("read_text_file", path=note, head=1) == "buy oat milk"
    assert "buy oat milk" in await bench.said("read_file", path=note)
    assert "and bread" in await bench.said("read_multiple_files", paths=[note])
    await bench.said("move_file", source=note, destination=f"{here}/moved.txt")
    for name in ("list_directory", "list_directory_with_sizes", "directory_tree"):
        assert "moved.txt" in await bench.said(name, path=here)
    assert "moved.txt" in await bench.said("search_files", path=here, pattern="*.txt")
    assert "size: 22" in await bench.said("get_file_info", path=f"{here}/moved.txt")
    assert str(bench.folder.parent) in await bench.said("list_allowed_directories")


async def picture(bench: Bench) -> None:
    (bench.folder / "red.png").write_bytes(square(1, (255, 0, 0)))
    assert "image/png" in await bench.said("read_media_file", path=f"{bench.folder}/red.png")


async def outside(bench: Bench) -> None:
    assert "denied" in (await bench.refused("read_text_file", path="/etc/passwd")).lower()


async def ten_megabytes(bench: Bench) -> None:
    (bench.folder / "long.txt").write_text(LONG * (10_000_000 // len(LONG)))
    cut = await bench.said("read_text_file", path=f"{bench.folder}/long.txt")
    assert LONG.strip() in await bench.read_on(cut)


async def restart_of_files(bench: Bench) -> None:
    await bench.die()
    await bench.come_back()
    assert "moved.txt" in await bench.said("list_directory", path=str(bench.folder))


FILES = (tools_of_files, picture, outside, ten_megabytes, restart_of_files)

# --- everything ---------------------------------------------------------------------------------


async def tools_of_everything(bench: Bench) -> None:
    assert {"echo", "get-sum", "trigger-elicitation-request"} <= bench.names()
    assert "Echo: hello" in await bench.said("echo", message="hello")
    assert "5" in await bench.said("get-sum", a=2, b=3)
    assert "image/png" in await bench.said("get-tiny-image")
    assert "image" in await bench.said(
        "get-annotated-message", messageType="error", includeImage=True
    )
    assert "temperature" in await bench.said("get-structured-content", location="Chicago")
    assert "demo://resource" in await bench.said("get-resource-links", count=2)
    assert "demo://resource" in await bench.said("get-resource-reference", resourceId=1)
    packed = base64.b64encode(b"pack me").decode()
    data = f"data:text/plain;base64,{packed}"
    assert "gz" in await bench.said("gzip-file-as-resource", name="a.gz", data=data)
    for name in ("toggle-simulated-logging", "toggle-subscriber-updates"):
        await bench.said(name)
        await bench.said(name)  # and off again
    await bench.refused("get-structured-content", location="Atlantis")


async def progress(bench: Bench) -> None:
    steps: list[float | None] = []
    arguments = {"duration": 1, "steps": 4}
    returned = await bench.call("trigger-long-running-operation", arguments, steps=steps)
    assert "completed" in returned.content, returned.content
    assert steps[-1] == 1.0, steps


async def form(bench: Bench) -> None:
    assert "word" in await bench.said("trigger-elicitation-request")


async def declined_form(bench: Bench) -> None:
    async def no(_: Question) -> Answer:
        return NO

    returned = await bench.call("trigger-elicitation-request", ask=no)
    assert "decline" in returned.content, returned.content


async def page_to_open(bench: Bench) -> None:
    asked: list[str] = []

    async def note(question: Question) -> Answer:
        asked.append(question.url)
        return await say(question)

    page = "https://example.com/here"
    returned = await bench.call("trigger-url-elicitation", {"url": page}, ask=note)
    assert not returned.failed, returned.content
    assert asked == [page]


async def page_to_open_first(bench: Bench) -> None:
    asked: list[str] = []

    async def note(question: Question) -> Answer:
        asked.append(question.url)
        return await say(question)

    arguments = {"url": "https://example.com/first", "errorPath": True}
    returned = await bench.call("trigger-url-elicitation", arguments, ask=note)
    assert not returned.failed, returned.content
    assert asked == ["https://modelcontextprotocol.io", "https://example.com/first"]


async def prompts(bench: Bench) -> None:
    server, use = bench.ours.connection(bench.id), bench.ours.calls.use
    given = {
        "simple-prompt": {},
        "args-prompt": {"city": "Berlin"},
        "completable-prompt": {"department": "Engineering", "name": "Alice"},
        "resource-prompt": {"resourceType": "Text", "resourceId": "1"},
    }
    assert {prompt.name for prompt in server.listing.prompts} == set(given)
    for name, arguments in given.items():
        got = await use(
            server,
            lambda session, attempt, name=name, arguments=arguments: session.prompt(
                name, arguments, attempt
            ),
        )
        assert got.text


async def resources(bench: Bench) -> None:
    server, use = bench.ours.connection(bench.id), bench.ours.calls.use
    assert len(server.listing.resources) >= 9
    for uri in ("demo://resource/static/document/features.md", "demo://resource/dynamic/text/1"):
        got = await use(server, lambda session, attempt, uri=uri: session.resource(uri, attempt))
        assert got.text


async def cancelled(bench: Bench) -> None:
    await bench.gives_up("trigger-long-running-operation", {"duration": 60, "steps": 2})
    assert "Echo: still" in await bench.said("echo", message="still")


async def killed(bench: Bench) -> None:
    await bench.survives("trigger-long-running-operation", {"duration": 60, "steps": 2})
    assert "Echo: again" in await bench.said("echo", message="again")


async def environment(bench: Bench) -> None:
    """What it was started with holds nothing of ours."""
    known = await bench.said("get-env")
    assert "PATH" in known
    assert "not-for-peers" not in known


EVERYTHING = (
    tools_of_everything,
    progress,
    form,
    declined_form,
    page_to_open,
    page_to_open_first,
    prompts,
    resources,
    cancelled,
    killed,
)
