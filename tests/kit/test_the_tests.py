"""What the tests themselves promise: they stay on this machine, and they see blocking calls."""

import asyncio
import socket

import pytest
from blockbuster import BlockingError

from backend.kit.schedule import every
from tests.conftest import OutsideWorldError


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.org"])
async def test_nothing_but_this_machine_can_be_reached(host):
    with pytest.raises(OutsideWorldError):
        await asyncio.open_connection(host, 9)


async def test_a_socket_of_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        writer.close()


async def test_a_blocking_call_below_our_code_is_seen(tmp_path):
    seen = []

    async def read_a_file() -> None:
        try:
            (tmp_path / "a").write_text("x")
            (tmp_path / "a").read_text()
        except BlockingError as error:
            seen.append(error)

    doing = asyncio.ensure_future(every(1, read_a_file))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert seen
