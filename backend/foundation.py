"""What every feature stands on: handed whole to whoever builds one (`build_chat` and the like)."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from backend.db.database import Database
from backend.kit.background import Background
from backend.kit.clock import Clock
from backend.kit.hub import Hub
from backend.kit.keyring import Keyring
from backend.kit.outbound import Outbound
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Foundation:
    """For builders only: a class takes what it needs, one by one."""

    settings: Settings
    zone: ZoneInfo
    """The household's; to find it is to read files."""
    clock: Clock
    database: Database
    keyring: Keyring
    hub: Hub
    background: Background
    outbound: Outbound
