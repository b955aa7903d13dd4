"""Starts the process that reads a PDF, and bounds how long and how much it may answer."""

import asyncio
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from backend.kit.errors import InvalidInputError, UnavailableError

LARGEST = 50_000_000
_SECONDS = 20.0
_LARGEST_ANSWER = 4_000_000
_AT_ONCE = 2


class PdfReading:
    def __init__(self) -> None:
        library = find_spec("pypdf")
        if library is None or library.origin is None:
            raise UnavailableError("pypdf is not installed")
        # The library is loaded in the child alone; isolated, without our environment.
        self._command = (
            sys.executable,
            "-I",
            "-B",
            "-S",
            str(Path(__file__).with_name("pdf_child.py")),
            str(Path(library.origin).parents[1]),
        )
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self, file: IO[bytes], **job: object) -> dict[str, Any]:
        """What the child answers. Raises InvalidInputError with what is wrong with the file."""
        async with self._turns:
            try:
                async with asyncio.timeout(_SECONDS):
                    answer = await self._answer(file, json.dumps({**job, "bytes": LARGEST}))
            except TimeoutError:
                raise InvalidInputError("This PDF takes too long to read.") from None
        if isinstance(problem := answer.get("error"), str):
            raise InvalidInputError(problem)
        return answer

    async def _answer(self, file: IO[bytes], job: str) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"JOB": job},
            close_fds=True,
        )
        try:
            written = await _all(child)
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            found: dict[str, Any] = json.loads(written)
        except ValueError:
            reason = "too long" if code < 0 else "more memory than is allowed"
            raise InvalidInputError(f"This PDF cannot be read: it takes {reason}.") from None
        return found


async def _all(child: asyncio.subprocess.Process) -> bytes:
    """Raises InvalidInputError when the child does not stop writing."""
    written = bytearray()
    while child.stdout and (piece := await child.stdout.read(65536)):
        written += piece
        if len(written) > _LARGEST_ANSWER:
            raise InvalidInputError("This PDF has too much text; ask for fewer pages.")
    return bytes(written)
