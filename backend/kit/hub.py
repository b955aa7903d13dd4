"""News for screens: publish by topic, each subscriber reads at its own pace."""

from collections import defaultdict, deque
from collections.abc import AsyncGenerator

from backend.kit.sse import PING, Waiters, frame

_BACKLOG = 256
"""A subscriber this far behind is cut off; it reconnects and fetches the state anew."""


class _Subscriber:
    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.waiters = Waiters()
        self.closed = False


class Hub:
    def __init__(self) -> None:
        self._topics: defaultdict[str, set[_Subscriber]] = defaultdict(set)
        self._number = 0
        self._closed = False

    @property
    def subscriber_count(self) -> int:
        return sum(len(subscribers) for subscribers in self._topics.values())

    def has_followers(self, topic: str) -> bool:
        return topic in self._topics

    def topics(self) -> list[str]:
        """Those that somebody follows."""
        return list(self._topics)

    def publish(self, topic: str, event: object, kind: str) -> None:
        """`event` is anything orjson can write; nobody listening costs nothing."""
        subscribers = self._topics.get(topic)
        if not subscribers:
            return
        self._number += 1
        raw = frame(self._number, event, kind)
        for subscriber in subscribers:
            if len(subscriber.frames) >= _BACKLOG:
                subscriber.frames.clear()
                subscriber.closed = True
            else:
                subscriber.frames.append(raw)
            subscriber.waiters.wake()

    async def follow(self, topic: str) -> AsyncGenerator[bytes]:
        """Frames published from now on, and signs of life; ends when the hub closes."""
        if self._closed:  # a screen that comes back while the process is going
            return
        subscriber = _Subscriber()
        self._topics[topic].add(subscriber)
        try:
            while True:
                if subscriber.frames:
                    batch = b"".join(subscriber.frames)
                    subscriber.frames.clear()
                    yield batch
                elif subscriber.closed:
                    return
                elif not await subscriber.waiters.wait():
                    yield PING
        finally:
            self._topics[topic].discard(subscriber)
            if not self._topics[topic]:
                del self._topics[topic]

    def tick(self) -> None:
        for subscribers in self._topics.values():
            for subscriber in subscribers:
                subscriber.waiters.wake(news=False)

    def close(self) -> None:
        self._closed = True
        for subscribers in self._topics.values():
            for subscriber in subscribers:
                subscriber.closed = True
                subscriber.waiters.wake()
