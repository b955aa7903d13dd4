from collections.abc import Callable
from pathlib import Path

import pytest

from backend.settings import Settings
from backend.settings.edge import EdgeSettings
from tests.conftest import make_settings

type WithEdge = Callable[..., Settings]


@pytest.fixture
def with_edge(tmp_path: Path) -> WithEdge:
    """Settings with these of the edge."""

    def make(**edge: object) -> Settings:
        given = EdgeSettings.model_validate(edge)
        return make_settings(tmp_path).model_copy(update={"edge": given})

    return make
