"""How one session with a server went."""

import asyncio

from backend.toolbox.attempt import Attempt


class Life:
    """One session's time on earth, and how it went."""

    def __init__(self, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        self.attempt = attempt
        self.entered: asyncio.Future[None] = loop.create_future()
        self.dropped: asyncio.Future[None] = loop.create_future()
        self.ready = False
        self.timed_out = False
