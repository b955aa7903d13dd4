import httpx2
import pytest

from tests.api.apps.program import Program
from tests.api.conftest import Newcomer


@pytest.fixture
async def program(client: httpx2.AsyncClient, newcomer: Newcomer) -> Program:
    """Registered; the owner is the one it asks."""
    return await Program(await newcomer(), client).registers()
