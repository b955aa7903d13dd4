"""Pictures and sounds of conversations, to those whose they are."""

import re
from contextlib import aclosing
from typing import Annotated, override

from fastapi import APIRouter, Header, Response
from starlette.types import Receive, Scope, Send

from backend.api.deps import Id, ReadCaller, ServicesDep
from backend.api.errors import declared, error_response
from backend.attachments.media import EXTENSIONS
from backend.attachments.records import KeptFile
from backend.attachments.service import Attachments

router = APIRouter(prefix="/api/uploads", tags=["files"])

_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_CONTENT = dict.fromkeys(EXTENSIONS, _BINARY)


class _Content(Response):
    """The bytes from `start` to before `end`, read while they are sent."""

    def __init__(
        self, attachments: Attachments, file: KeptFile, part: tuple[int, int], *, is_part: bool
    ) -> None:
        start, end = part
        headers = _headers(file) | {"content-type": file.media_type}
        headers["content-length"] = str(end - start)
        if is_part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.bytes}"
        super().__init__(status_code=206 if is_part else 200, headers=headers)
        self._pieces = attachments.read(file, start, end)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = {"type": "http.response.start", "status": self.status_code}
        async with aclosing(self._pieces) as pieces:
            await send({**begin, "headers": self.raw_headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.get(
    "/{file_id}/content",
    response_class=Response,
    responses=declared(401, 403, 404, 416)
    | {
        200: {"description": "The whole file", "content": _CONTENT},
        206: {"description": "The part that was asked for", "content": _CONTENT},
        304: {"description": "It is as it was"},
    },
)
async def file_content(
    file_id: Id,
    caller: ReadCaller,
    services: ServicesDep,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
    if_range: Annotated[str, Header(include_in_schema=False)] = "",
    range_: Annotated[str, Header(alias="range", include_in_schema=False)] = "",
) -> Response:
    """A file never changes. Of one range a part is given; several at once get all of it."""
    file = await services.attachments.find(caller.owner_id, file_id)
    tag = _tag(file)
    if if_none_match.strip() == "*" or tag in if_none_match:
        return Response(status_code=304, headers=_headers(file))
    part = None
    if range_ and if_range in ("", tag):
        part = _part(range_, file.bytes)
    if part == (0, 0):
        words = f"The file has only {file.bytes} bytes."
        length = {"content-range": f"bytes */{file.bytes}"}
        return error_response(416, "range_not_satisfiable", words, length)
    whole = (0, file.bytes)
    return _Content(services.attachments, file, part or whole, is_part=part is not None)


def _headers(file: KeptFile) -> dict[str, str]:
    name = f"{file.id}.{EXTENSIONS[file.media_type]}"
    return {
        "etag": _tag(file),
        "cache-control": "private, max-age=31536000, immutable",
        "vary": "cookie, authorization",
        "accept-ranges": "bytes",
        "content-disposition": f'inline; filename="{name}"',
    }


def _tag(file: KeptFile) -> str:
    return f'"{file.sha256}"'


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """From where to before where; (0, 0) where there is nothing, None for what makes no sense:
    that is ignored (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        start, end = size - min(int(last), size), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    return (start, end) if start < size else (0, 0)
