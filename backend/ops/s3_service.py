"""Requests to an S3 service: signed, tried again where that may help, refusals put into words."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree

from backend.kit.clock import Clock
from backend.kit.schedule import pause
from backend.ops.offsite_place import (
    OffsiteError,
    OffsiteFullError,
    OffsiteMissingError,
    OffsiteRefusedError,
    OffsiteUnreachableError,
)
from backend.ops.s3_signing import NOTHING, AccessKey, Ask, signed_headers

if TYPE_CHECKING:
    import httpx2

_TRIES = 4
_WAIT_SECONDS = 1.0
_LARGEST_WORDS = 4 * 1024 * 1024
_OK, _MISSING, _TOO_MANY, _BROKEN = 200, 404, 429, 500
_REFUSED = (401, 403)
_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge")


class S3Service:
    """One bucket of it. `client`: without redirects, without a proxy of the environment's."""

    def __init__(
        self,
        client: "httpx2.AsyncClient",
        address: tuple[str, str],
        key: AccessKey,
        clock: Clock,
        *,
        wait: float = _WAIT_SECONDS,
    ) -> None:
        """`address`: base URL of the service, name of the bucket."""
        url, self._bucket = address
        self._client = client
        self._url = urlsplit(url)
        self._key = key
        self._clock = clock
        self._wait = wait

    async def ask(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> bytes:
        """What was answered. `key` names an object, "" is the bucket. Raises OffsiteError."""
        return (await self.answer(method, key, query=query, content=content)).content

    async def answer(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> "httpx2.Response":
        """As `ask`, with its headers."""
        import httpx2  # noqa: PLC0415  # start-up: only where there is a bucket

        for left in reversed(range(_TRIES)):
            url, headers = self._signed(method, key, query=query, content=content)
            try:
                answer = await self._client.request(
                    method, url, headers=headers, content=content or None
                )
            except httpx2.HTTPError as error:
                if not left:
                    raise self._unreachable(error) from error
            else:
                if answer.is_success:
                    return answer
                is_passing = answer.status_code == _TOO_MANY or answer.status_code >= _BROKEN
                if not is_passing or not left:
                    raise self.refusal(answer.status_code, answer.content)
            await pause(self._wait * 2 ** (_TRIES - 1 - left))
        raise AssertionError  # the loop above returns or raises

    async def download(self, key: str, target: Path) -> None:
        """Into a file that does not exist yet; nothing is left of one that broke off."""
        import httpx2  # noqa: PLC0415  # as above

        url, headers = self._signed("GET", key)
        file = await asyncio.to_thread(target.open, "xb")
        is_whole = False
        try:
            async with self._client.stream("GET", url, headers=headers) as got:
                if got.status_code == _OK:
                    async for piece in got.aiter_bytes():
                        await asyncio.to_thread(file.write, piece)
                    is_whole = True
                else:
                    await got.aread()
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            await asyncio.to_thread(file.close)
            if not is_whole:
                await asyncio.to_thread(target.unlink)
        if not is_whole:
            raise self.refusal(got.status_code, got.content)

    def _signed(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> tuple[str, dict[str, str]]:
        base = self._url.path.rstrip("/")
        path = f"{base}/{self._bucket}" + (f"/{key}" if key else "")
        digest = hashlib.sha256(content).hexdigest() if content else NOTHING
        ask = Ask(method, self._url.netloc, path, query or {}, {}, digest)
        headers = signed_headers(ask, self._key, self._clock.now())
        return f"{self._url.scheme}://{ask.host}{ask.target}", headers

    def _unreachable(self, error: Exception) -> OffsiteError:
        return OffsiteUnreachableError(
            f"{self._url.netloc} cannot be reached ({type(error).__name__}). The next copy goes on"
            " where this one broke off."
        )

    def refusal(self, status: int, said: bytes) -> OffsiteError:
        code = error_code(said) or f"status {status}"
        where = f"{self._url.netloc}, bucket {self._bucket}"
        if code == "RequestTimeTooSkewed":
            return OffsiteRefusedError(f"{where}: this host's clock is wrong; set it right.")
        if status in _REFUSED:
            return OffsiteRefusedError(
                f"{where}: refused ({code}). Check PARLOR_BACKUP_S3_KEY_ID and"
                " PARLOR_BACKUP_S3_SECRET, and that this key may list, write and delete there."
            )
        if code in _FULL:
            return OffsiteFullError(f"{where}: there is no more room ({code}).")
        if status == _MISSING:
            return OffsiteMissingError(f"{where}: there is no such thing ({code}).")
        if status == _TOO_MANY or status >= _BROKEN:
            return OffsiteUnreachableError(f"{where}: it cannot do that now ({code}).")
        return OffsiteError(f"{where}: refused ({code}).")


def parsed(said: bytes) -> ElementTree.Element:
    """Without namespaces, which services write as they like. Raises OffsiteError."""
    if len(said) > _LARGEST_WORDS:
        raise OffsiteError("The bucket's service says too much.")
    try:
        # The service is the operator's choice, and expat bounds what entities become.
        found = ElementTree.fromstring(said)  # noqa: S314
    except ElementTree.ParseError as error:
        raise OffsiteError("The bucket's service does not speak S3: check its URL.") from error
    for element in found.iter():
        element.tag = element.tag.rpartition("}")[2]
    return found


def error_code(said: bytes) -> str:
    """Of an error document; "" when it is none."""
    if b"<Error" not in said[:500]:
        return ""
    try:
        return (parsed(said).findtext("Code") or "")[:60]
    except OffsiteError:
        return ""
