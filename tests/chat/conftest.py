import pytest

from backend.auth.people import User
from backend.container import Services
from tests.chat.talk import Talk


@pytest.fixture
async def talk(services: Services, owner: User) -> Talk:
    return Talk(services, owner)
