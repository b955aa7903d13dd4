"""`parlor mcp`: the tool servers we ship, and a running Parlor as one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backend.settings import Settings

if TYPE_CHECKING:
    from backend.mcp_servers.shipped import Shipped

mcp = typer.Typer(
    no_args_is_help=True,
    help="The tool servers that come with Parlor, and Parlor itself as one for other programs"
    " (`connect`, or /mcp of a running Parlor).",
)


@mcp.command("serve")
def serve(
    only: Annotated[str | None, typer.Option(help="Just these, separated by commas.")] = None,
) -> None:
    """Run every enabled server in this process, each on its own port."""
    from backend.mcp_servers.shipped import SHIPPED, named  # noqa: PLC0415  # start-up: one command

    settings = _checked()
    wanted = only.replace(",", " ").split() if only else settings.mcp_servers.servers
    _run(settings, [named(name) for name in wanted] if wanted else list(SHIPPED))


@mcp.command("run")
def run(
    name: Annotated[str, typer.Argument(help="Which one; `parlor mcp list` names them.")],
    transport: Annotated[
        Literal["stdio", "http"], typer.Option(help="How clients will talk to it.")
    ] = "stdio",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="With http; 0 = any free one.")
    ] = None,
) -> None:
    """Run one server alone."""
    from backend.mcp_servers.shipped import named  # noqa: PLC0415  # as above

    if transport == "http":
        _run(_checked(), [named(name)], port=port)
    else:
        from backend.mcp_servers.stdio import run_stdio  # noqa: PLC0415  # as above

        run_stdio(name, Settings.load())


@mcp.command("list")
def list_servers() -> None:
    """Name the servers with their ports and what they want set."""
    from backend.mcp_servers.shipped import RESERVED, SHIPPED  # noqa: PLC0415  # as above

    own = Settings.load().mcp_servers
    for server in SHIPPED:
        is_on = not own.servers or server.id in own.servers
        needs = f" (wants {server.needs})" if server.needs else ""
        state = "" if is_on else " [off]"
        print(f"{server.port(own.base_port):5}  {server.id:13} {server.about}{needs}{state}")
    reserved = ", ".join(f"{own.base_port + offset} {name}" for offset, name in RESERVED.items())
    print(f"Reserved for servers to come: {reserved}")


@mcp.command("connect")
def connect(
    url: Annotated[
        str, typer.Option(help="Address of the running Parlor, as https://parlor.example.")
    ],
    key: Annotated[
        str, typer.Option("--key", envvar="PARLOR_API_KEY", hidden=True, show_default=False)
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option(
            help="Certificate authority of that Parlor (PEM).", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Be a running Parlor's own MCP server (URL/mcp) on stdin and stdout.

    For programs that start their tool servers as commands; the others use
    URL/mcp, with the key as a bearer token. Its tools are chat.completions and
    those of the household that run without asking. The environment variable
    PARLOR_API_KEY holds an API key with the scopes chat and tools (in Parlor:
    Settings, My account).
    """
    from backend.cli.mcp_bridge import run_bridge  # noqa: PLC0415  # as above

    if not key:
        sys.exit("Set PARLOR_API_KEY to an API key of that Parlor (Settings, My account).")
    run_bridge(url, key, ca_file)


def _checked() -> Settings:
    settings = Settings.load()
    own = settings.mcp_servers
    if not own.is_loopback and not own.token:
        sys.exit(
            f"{own.host} is not loopback, so the tool servers want a token: set PARLOR_MCP_TOKEN"
            " to 16 characters or more, or listen on 127.0.0.1."
        )
    return settings


def _run(settings: Settings, wanted: list["Shipped"], *, port: int | None = None) -> None:
    from backend.kit.log import configure_logging  # noqa: PLC0415  # as above
    from backend.mcp_servers import hosting  # noqa: PLC0415  # as above

    outcome = [hosting.host(server, settings, port=port) for server in wanted]
    # After building: the SDK gives the root logger a handler of its own.
    configure_logging(settings.server.log_level)
    for absent in outcome:
        if isinstance(absent, hosting.Absent):
            print(f"{absent.shipped.id} does not run: {absent.reason}", file=sys.stderr)
    running = [server for server in outcome if isinstance(server, hosting.Hosted)]
    if not running:
        sys.exit("No tool server could be started.")

    def announce() -> None:
        for server in running:
            print(f"{server.shipped.id} is running at {server.address}/mcp", flush=True)

    hosting.run(running, announce)
