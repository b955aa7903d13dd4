import pytest

from backend.auth.people import User
from backend.container import Services
from tests.chat.talk import Talk
from tests.memory.diary import Diary


@pytest.fixture
async def talk(services: Services, owner: User) -> Talk:
    return Talk(services, owner)


@pytest.fixture
async def diary(services: Services, owner: User) -> Diary:
    return Diary(services, owner)
