"""Signatures of requests to a bucket: AWS Signature Version 4, which every such service takes."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

NOTHING = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"
_PLAIN = "-_.~"


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    secret: str = field(repr=False)
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as far as it is signed. `path` begins with a slash and is not quoted yet."""

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_sha256: str = NOTHING

    @property
    def target(self) -> str:
        """Path and query as they go over the wire, which is as they are signed."""
        return quoted_path(self.path) + (f"?{_query(self.query)}" if self.query else "")


def quoted_path(path: str) -> str:
    return quote(path, safe=f"/{_PLAIN}")


def signed_headers(ask: Ask, key: AccessKey, now: datetime) -> dict[str, str]:
    """All headers that go with it."""
    moment, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    headers = {name.lower(): value.strip() for name, value in ask.headers.items()}
    headers |= {"host": ask.host, "x-amz-date": moment, "x-amz-content-sha256": ask.content_sha256}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join(
        (
            *(ask.method, quoted_path(ask.path), _query(ask.query)),
            *(lines, names, ask.content_sha256),
        )
    )
    scope = f"{day}/{key.region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.digest(
        _signing_key(key, day), f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}".encode(), "sha256"
    )
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={key.id}/{scope},SignedHeaders={names},Signature={signature.hex()}"
    )
    return headers


def _signing_key(key: AccessKey, day: str) -> bytes:
    found = f"AWS4{key.secret}".encode()
    for step in (day, key.region, "s3", "aws4_request"):
        found = hmac.digest(found, step.encode(), "sha256")
    return found


def _query(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe=_PLAIN), quote(query[name], safe=_PLAIN)) for name in query)
    return "&".join(f"{name}={value}" for name, value in pairs)
