"""A bucket's service on loopback: S3's plain HTTP API, as far as copies of backups use it.

It checks each signature by computing it anew from what arrived, keeps parts apart until they are
joined, and has the troubles a test asks for.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from tests.fakes.site import Asked, FakeSite, Reply

KEY_ID, SECRET, REGION, NAME = "AKIDEXAMPLE", "a secret of the bucket", "eu-test-1", "house"
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass
class FakeBucket:
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    """Id -> key, parts."""
    page: int = 1000
    trouble: Callable[[Asked], Reply | None] = lambda asked: None

    def site(self) -> FakeSite:
        return FakeSite(self.answer)

    def answer(self, asked: Asked) -> Reply:
        if (reply := self.trouble(asked)) is not None:
            return reply
        if not is_signed(asked):
            return error(403, "SignatureDoesNotMatch")
        path, _, raw = asked.target.partition("?")
        query = dict(parse_qsl(raw, keep_blank_values=True))
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        if bucket != NAME:
            return error(404, "NoSuchBucket")
        if not key:
            return self._list_uploads(query) if "uploads" in query else self._list(query)
        if "uploadId" in query or "uploads" in query:
            return self._part(asked, key, query)
        return self._object(asked, key)

    def _object(self, asked: Asked, key: str) -> Reply:
        match asked.method:
            case "PUT":
                self.objects[key] = asked.body
                return Reply()
            case "DELETE":
                self.objects.pop(key, None)
                return Reply(204)
            case _:
                found = self.objects.get(key)
                return error(404, "NoSuchKey") if found is None else Reply(body=found)

    def _part(self, asked: Asked, key: str, query: dict[str, str]) -> Reply:
        upload = query.get("uploadId", "")
        if asked.method == "POST" and "uploads" in query:
            upload = f"upload-{len(self.uploads)}"
            self.uploads[upload] = (key, {})
            return xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        parts = self.uploads[upload][1]
        match asked.method:
            case "PUT":
                parts[int(query["partNumber"])] = asked.body
                return Reply(headers={"ETag": tag(asked.body)})
            case "GET":
                after = int(query.get("part-number-marker", "0"))
                numbers = [number for number in sorted(parts) if number > after]
                listed = "".join(
                    f"<Part><PartNumber>{n}</PartNumber><ETag>{escape(tag(parts[n]))}</ETag></Part>"
                    for n in numbers[: self.page]
                )
                last = numbers[: self.page][-1:] or [0]
                more = str(len(numbers) > self.page).lower()
                return xml(
                    "ListPartsResult",
                    f"{listed}<NextPartNumberMarker>{last[0]}</NextPartNumberMarker>"
                    f"<IsTruncated>{more}</IsTruncated>",
                )
            case "DELETE":
                del self.uploads[upload]
                return Reply(204)
            case _:
                return self._join(upload, asked.body.decode())

    def _join(self, upload: str, asked: str) -> Reply:
        key, parts = self.uploads[upload]
        wanted = "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>{tag(parts[n])}</ETag></Part>"
            for n in sorted(parts)
        )
        if wanted not in asked:
            return error(200, "InvalidPart")
        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        del self.uploads[upload]
        return xml("CompleteMultipartUploadResult", "")

    def _list(self, query: dict[str, str]) -> Reply:
        start = int(query.get("continuation-token", "0"))
        keys = sorted(key for key in self.objects if key.startswith(query["prefix"]))
        listed = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size></Contents>"
            for key in keys[start : start + self.page]
        )
        end = start + self.page
        token = f"<NextContinuationToken>{end}</NextContinuationToken>"
        more = str(end < len(keys)).lower()
        return xml("ListBucketResult", f"{listed}<IsTruncated>{more}</IsTruncated>{token}")

    def _list_uploads(self, query: dict[str, str]) -> Reply:
        listed = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{upload}</UploadId></Upload>"
            for upload, (key, _) in self.uploads.items()
            if key.startswith(query["prefix"])
        )
        return xml("ListMultipartUploadsResult", listed)


def tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def xml(name: str, inner: str) -> Reply:
    return Reply(body=f'<?xml version="1.0"?><{name} xmlns="{_XMLNS}">{inner}</{name}>'.encode())


def error(status: int, code: str) -> Reply:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return Reply(status, body.encode())


def is_signed(asked: Asked) -> bool:
    """Signature Version 4, from the request as it came over the wire."""
    given = dict(
        part.strip().split("=", 1)
        for part in asked.headers.get("authorization", " =").split(" ", 1)[1].split(",")
    )
    if asked.headers.get("x-amz-content-sha256") != hashlib.sha256(asked.body).hexdigest():
        return False
    names = given.get("SignedHeaders", "").split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
        return False
    path, _, query = asked.target.partition("?")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    canonical = "\n".join(
        [
            *(asked.method, path, "&".join(f"{name}={value}" for name, value in pairs)),
            *(f"{name}:{asked.headers.get(name, '')}" for name in names),
            *("", ";".join(names), asked.headers["x-amz-content-sha256"]),
        ]
    )
    moment = asked.headers["x-amz-date"]
    key, scope = f"AWS4{SECRET}".encode(), [moment[:8], REGION, "s3", "aws4_request"]
    for step in scope:
        key = hmac.digest(key, step.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{digest}"
    right = hmac.digest(key, text.encode(), "sha256").hex()
    return given.get("Signature") == right and given["Credential"] == "/".join([KEY_ID, *scope])
