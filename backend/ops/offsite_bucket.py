"""A bucket of any service that speaks S3 (Google Cloud Storage does, too).

Large files go up in parts; a copy that broke off goes on with the parts that are missing.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from backend.ops.offsite_place import OffsiteUnreachableError
from backend.ops.s3_service import S3Service, error_code, parsed

PART = 8 * 1024 * 1024
_MOST_PARTS = 9_000


class Bucket:
    def __init__(self, service: S3Service, folder: str, *, part: int = PART) -> None:
        """`folder` within the bucket; "" is all of it."""
        self._service = service
        self._prefix = f"{folder}/" if folder else ""
        self._part = part

    async def names(self) -> dict[str, int]:
        found: dict[str, int] = {}
        query = {"list-type": "2", "prefix": self._prefix}
        while True:
            page = parsed(await self._service.ask("GET", query=query))
            for entry in page.iterfind("Contents"):
                name = (entry.findtext("Key") or "").removeprefix(self._prefix)
                if name and "/" not in name:
                    found[name] = int(entry.findtext("Size") or 0)
            if page.findtext("IsTruncated") != "true":
                return found
            query["continuation-token"] = page.findtext("NextContinuationToken") or ""

    async def put(self, file: Path) -> None:
        size = (await asyncio.to_thread(file.stat)).st_size
        part = max(self._part, -(-size // _MOST_PARTS))
        if size <= part:
            await self._service.ask(
                "PUT", self._key(file.name), content=await asyncio.to_thread(file.read_bytes)
            )
        else:
            await self._put_parts(file, size, part)
        if (there := (await self.names()).get(file.name)) != size:
            raise OffsiteUnreachableError(
                f"{file.name} has {there} bytes in the bucket and should have {size}."
            )

    async def get(self, name: str, target: Path) -> None:
        await self._service.download(self._key(name), target)

    async def remove(self, name: str) -> None:
        await self._service.ask("DELETE", self._key(name))

    async def tidy(self, wanted: set[str]) -> None:
        async for name, upload in self._uploads():
            if name not in wanted:
                await self._service.ask("DELETE", self._key(name), query={"uploadId": upload})

    # --- in parts -------------------------------------------------------------------------------

    async def _put_parts(self, file: Path, size: int, part: int) -> None:
        upload, there = await self._begun(file.name)
        tags: list[str] = []
        for number, start in enumerate(range(0, size, part), 1):
            content = await asyncio.to_thread(_piece, file, start, part)
            # Of unencrypted parts the tag is the MD5; where it is not, the part is sent again.
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            tag = there.get(number, "")
            if tag.strip('"') != digest:
                query = {"partNumber": str(number), "uploadId": upload}
                sent = await self._service.answer(
                    "PUT", self._key(file.name), query=query, content=content
                )
                tag = sent.headers.get("etag", "")
            tags.append(tag)
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        words = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        done = await self._service.ask(
            "POST", self._key(file.name), query={"uploadId": upload}, content=words
        )
        if error_code(done):  # said with status 200, while the parts were being joined
            raise self._service.refusal(500, done)

    async def _begun(self, name: str) -> tuple[str, dict[int, str]]:
        """The upload to go on with, and the tags of the parts it has."""
        async for other, upload in self._uploads():
            if other == name:
                return upload, await self._parts(name, upload)
        begun = parsed(await self._service.ask("POST", self._key(name), query={"uploads": ""}))
        return begun.findtext("UploadId") or "", {}

    async def _uploads(self) -> AsyncIterator[tuple[str, str]]:
        page = parsed(await self._service.ask("GET", query={"uploads": "", "prefix": self._prefix}))
        for entry in page.iterfind("Upload"):
            name = (entry.findtext("Key") or "").removeprefix(self._prefix)
            yield name, entry.findtext("UploadId") or ""

    async def _parts(self, name: str, upload: str) -> dict[int, str]:
        found: dict[int, str] = {}
        query = {"uploadId": upload}
        while True:
            page = parsed(await self._service.ask("GET", self._key(name), query=query))
            for entry in page.iterfind("Part"):
                found[int(entry.findtext("PartNumber") or 0)] = entry.findtext("ETag") or ""
            if page.findtext("IsTruncated") != "true":
                return found
            query["part-number-marker"] = page.findtext("NextPartNumberMarker") or ""

    def _key(self, name: str) -> str:
        return self._prefix + name


def _piece(file: Path, start: int, size: int) -> bytes:
    with file.open("rb") as given:
        given.seek(start)
        return given.read(size)
