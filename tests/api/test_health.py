"""`/health/ready`: the parts of the host beside database and providers."""

import asyncio
import dataclasses
from pathlib import Path

import httpx2
from fastapi import FastAPI

from backend.container import Services
from backend.kit.clock import SystemClock
from backend.ops.certificates import CertificateFiles, ensure
from backend.settings import Settings
from tests.api.serving import with_services
from tests.conftest import ORIGIN


async def test_a_certificate_that_cannot_be_used_is_said_and_answers_go_on(
    app: FastAPI, services: Services, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    whole = (await client.get("/health/ready")).json()["checks"]
    assert whole["disk"] == whole["certificate"] == {"ok": True, "detail": ""}
    damaged = tmp_path / "server.crt"
    await asyncio.to_thread(damaged.write_text, "not one")
    checks = await readiness(app, services, damaged, client.cookies["parlor"])
    assert checks["status"] == "ok"  # whoever has come this far is answered
    assert checks["checks"]["certificate"]["ok"] is False
    assert "not a certificate" in checks["checks"]["certificate"]["detail"]
    files = CertificateFiles(tmp_path / "certs")
    await asyncio.to_thread(ensure, files, ["localhost"], SystemClock())
    checks = await readiness(app, services, files.server, client.cookies["parlor"])
    assert checks["checks"]["certificate"]["ok"] is True


async def readiness(
    app: FastAPI, services: Services, certificate: Path, cookie: str
) -> dict[str, dict[str, dict[str, object]]]:
    settings: Settings = services.settings
    server = settings.server.model_copy(update={"tls_cert": certificate})
    changed = dataclasses.replace(services, settings=settings.model_copy(update={"server": server}))
    transport = httpx2.ASGITransport(with_services(app, changed))
    cookies = {"parlor": cookie}
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies) as client:
        found: dict[str, dict[str, dict[str, object]]] = (await client.get("/health/ready")).json()
        return found
