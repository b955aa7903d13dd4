from collections.abc import AsyncGenerator

import pytest
from fastapi import FastAPI

# What the endpoint loads in a thread; it would be most of the first test's time.
import backend.mcp_endpoint.protocol  # noqa: F401
from backend.auth.people import User
from backend.container import Services
from tests.api.serving import serving, with_services
from tests.mcp_endpoint.programs import Programs


@pytest.fixture
async def programs(app: FastAPI, services: Services, owner: User) -> AsyncGenerator[Programs]:
    async with serving(with_services(app, services)) as address:
        yield Programs(f"{address}/mcp", services, owner)
