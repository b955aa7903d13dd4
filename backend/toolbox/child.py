"""Servers that are commands: started with next to nothing of our environment, gone when we go.

Loaded with the SDK, when the first server is configured.
"""

import asyncio
import os
import re
import select
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

import structlog
from mcp import StdioServerParameters

from backend.toolbox.records import Command

_LINES = 100
_LINE = 300
_SECRET = re.compile(
    r"(?i)((?:token|key|secret|password|authorization)\W{1,3}(?:(?:bearer|basic)\s+)?"
    r"|(?:bearer|basic)\s+)\S{4,}"
)
_NUMBER = re.compile(rb"\0(\d+)\n")
_LAUNCH = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.write(2, b"\\0%d\\n" % os.getpid())
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""
"""Asks the kernel to end this process with its parent (PR_SET_PDEATHSIG), says its number, then
becomes the command. The SDK ends it in every other case; nothing but the kernel does after a
kill -9 of ours."""

_log = structlog.get_logger()


def parameters(command: Command, home: Path) -> StdioServerParameters:
    """The SDK adds PATH, USER, LOGNAME, SHELL and TERM of ours and nothing else. `home` is the
    server's own, so that what it keeps and caches there is not ours either."""
    launch = ["-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command.argv]
    return StdioServerParameters(
        command=sys.executable,
        args=launch,
        env={"HOME": str(home), "LANG": "C.UTF-8", **command.env},
        cwd=command.cwd or home,
    )


class LastWords:
    """What a command said on its standard error: to the log, a limited number of lines."""

    def __init__(self, server_id: str, secrets: Iterable[str]) -> None:
        self.last = ""
        self._server_id = server_id
        self._secrets = sorted({s for s in secrets if len(s) >= 6}, key=len, reverse=True)
        self._count = 0

    def take(self, line: str) -> None:
        line = redacted(line.strip()[:2000], self._secrets)[:_LINE]
        if not line:
            return
        self.last = line
        self._count += 1
        if self._count <= _LINES:
            _log.info("tool_server_said", server=self._server_id, line=line)
        elif self._count == _LINES + 1:
            _log.info("tool_server_says_more", server=self._server_id)


def redacted(line: str, secrets: Iterable[str] = ()) -> str:
    for secret in secrets:
        line = line.replace(secret, "…")
    return _SECRET.sub(r"\1…", line)


class Watch:
    """Whether a command still runs. What is written to one that does not, nobody has read; its
    pipes tell that later, and not apart from what it read and did not answer."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._descriptor = -1

    def begin(self, pid: int) -> None:
        try:
            self._descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):  # no such kernel, or it is gone: the pipes will tell
            return
        asyncio.get_running_loop().add_reader(self._descriptor, self._ended)

    def has_ended(self) -> bool:
        if self._descriptor < 0:
            return False
        look = select.poll()
        look.register(self._descriptor, select.POLLIN)
        return bool(look.poll(0))

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._on_end()


@asynccontextmanager
async def standard_error(
    words: LastWords, watch: Watch, on_end: Callable[[], None]
) -> AsyncGenerator[TextIO]:
    """A file for the child to write to, read here line by line."""
    reading, writing = os.pipe()
    reader = asyncio.StreamReader(limit=64_000)
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    with os.fdopen(writing, "w") as file:
        source = os.fdopen(reading, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, source)
        listening = asyncio.ensure_future(_listen(reader, words, watch, on_end))
        try:
            yield file
        finally:
            try:
                await asyncio.wait({listening}, timeout=0.2)
            finally:
                listening.cancel()
                transport.close()
                watch.close()


async def _listen(
    reader: asyncio.StreamReader, words: LastWords, watch: Watch, on_end: Callable[[], None]
) -> None:
    while True:
        try:
            line = await reader.readline()
        except ValueError:  # longer than anybody wants to read
            continue
        if not line:
            on_end()
            return
        if number := _NUMBER.fullmatch(line):
            watch.begin(int(number[1]))
        else:
            words.take(line.decode("utf-8", "replace"))
