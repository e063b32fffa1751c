"""What runs behind the pages: the sources, the views made of them, and the loop that sends what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from console.hub import Hub, encode_event
from console.sources.board import Board
from console.sources.certificates import CertificateWatch
from console.sources.device_feed import DeviceFeed
from console.sources.redis_watch import RedisWatch, Source
from console.sources.topic_watch import TopicWatch
from console.views.device_page import DevicePageView
from console.views.replay import ReplayView
from console.views.rounds import RoundsView
from console.views.wall import WallView
from contracts.configuration.settings import Settings
from contracts.messages.verdicts import DeviceProfile
from fl_coordinator.gate.device_view import DeviceView, view_of
from transport.certificates.expiry import certificate_files
from transport.clock import cancellable_sleep
from transport.device_status_reader import RedisDeviceStatusReader

SEND_EVERY_S: Final = 0.5
HEALTH_EVERY_S: Final = 2.0


class Stage:
    """Runs the readers and the views. `clock` gives wall time (epoch seconds)."""

    def __init__(self, settings: Settings, reader: RedisDeviceStatusReader, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self.board = Board(settings.topics)
        self.redis = Source("Redis", clock)
        self.kafka = Source("Kafka", clock)
        self._redis_watch = RedisWatch(reader, self.redis, self._send_wall)
        self._certificates = CertificateWatch(certificate_files(settings, "console"), clock)
        self._topic_watch = TopicWatch(settings, self.board, self.kafka)
        self.rounds = RoundsView(self.board)
        self.hubs = {
            "wall": Hub(WallView(self.devices, self.board)),
            "rounds": Hub(self.rounds),
            "replay": Hub(ReplayView(self.board)),
        }
        self._pages: dict[str, tuple[Hub, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def screens(self) -> int:
        """How many browsers look."""
        return sum(len(hub.screens) for hub in self._all_hubs())

    def devices(self) -> Mapping[str, DeviceView]:
        """Return every device as Redis showed it last, judged now."""
        now, cap_s = self._clock(), self._settings.stale_cap_s
        statuses = self._redis_watch.statuses
        return {device_id: view_of(device_id, status, now, cap_s) for device_id, status in statuses.items()}

    def health_event(self) -> bytes:
        """Return how the sources are, with the console's own time: also the sign that it still runs."""
        sources = [source.as_dict() for source in (self.redis, self.kafka)]
        unreadable = dict(self.board.unreadable)
        certificates = self._certificates.expiries()
        health = {"now": self._clock(), "sources": sources, "unreadable": unreadable, "certificates": certificates}
        return encode_event("health", health)

    @asynccontextmanager
    async def look_at(self, device_id: str) -> AsyncIterator[Hub]:
        """Hold a device's page open. Its vital signs are read while anybody holds it."""
        hub, over = self._pages.get(device_id) or self._open(device_id)
        try:
            yield hub
        finally:
            if not hub.screens:
                over.set()
                if self._pages.get(device_id) == (hub, over):
                    del self._pages[device_id]

    async def run(self, stop: asyncio.Event) -> None:
        """Run until the stop, then let every screen go."""
        parts = (self._redis_watch.run(stop), self._topic_watch.run(stop), self._send_events(stop))
        running = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.gather(*running)
        finally:
            for task in (*running, *self._tasks):
                task.cancel()
            for _, over in self._pages.values():
                over.set()
            for hub in self._all_hubs():
                for screen in hub.screens:
                    screen.close()

    async def _send_events(self, stop: asyncio.Event) -> None:
        sent_at, sent = 0.0, b""
        while not stop.is_set():
            for hub in self._all_hubs():
                if hub.screens and hub is not self.hubs["wall"]:  # the wall is sent right after each look at Redis
                    hub.send_changes()
            now = self._clock()
            answers = bytes([bool(self.redis.answers), bool(self.kafka.answers)])
            if answers != sent or now - sent_at >= HEALTH_EVERY_S or now < sent_at:
                sent_at, sent = now, answers
                event = self.health_event()
                for hub in self._all_hubs():
                    hub.send(event)
            await cancellable_sleep(SEND_EVERY_S, stop)

    def _send_wall(self) -> None:
        if self.hubs["wall"].screens:
            self.hubs["wall"].send_changes()

    def _all_hubs(self) -> list[Hub]:
        return [*self.hubs.values(), *(hub for hub, _ in self._pages.values())]

    def _open(self, device_id: str) -> tuple[Hub, asyncio.Event]:
        feed = DeviceFeed(device_id, self._settings, lambda: self._profile(device_id))
        hub = Hub(DevicePageView(device_id, lambda: self._device(device_id), self.board, feed))
        self._pages[device_id] = (hub, asyncio.Event())
        task = asyncio.ensure_future(feed.run(self._pages[device_id][1]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._pages[device_id]

    def _device(self, device_id: str) -> DeviceView | None:
        status: Any = self._redis_watch.statuses.get(device_id)
        return None if status is None else view_of(device_id, status, self._clock(), self._settings.stale_cap_s)

    def _profile(self, device_id: str) -> DeviceProfile | None:
        trail = self.board.trails.get(device_id)
        return trail.profile if trail else None
