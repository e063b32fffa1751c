"""Keeps the coordinator's key ring at what the key topic says now."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import structlog

from contracts.errors import Unavailable
from fl_coordinator.key_ring import KeyRing
from transport.topic_reader import TopicReader

log = structlog.get_logger()
POLL_S: Final = 0.2
REFRESH_WITHIN_S: Final = 5.0
TOO_SLOW: Final = f"Kafka does not show the registered keys within {REFRESH_WITHIN_S:g} s"


class KeyFeed:
    """Reads the key topic with a reader of its own, from the beginning and then on whenever it is asked to."""

    def __init__(self, reader: TopicReader, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        self.ring = KeyRing()

    async def refresh(self) -> None:
        """Read to the topic's end, so that whatever was registered or revoked before this call counts after it.

        One round trip when nothing is new. Raises Unavailable when that takes more than some seconds: a coordinator that
        cannot know whether a key was revoked goes on with nobody.
        """
        is_first = self._topic not in self._reader.topics_read
        if is_first:
            await self._reader.add_existing([self._topic], start="earliest")
        deadline = monotonic() + REFRESH_WITHIN_S
        while not await self._is_at_end():
            if monotonic() > deadline:
                raise Unavailable(TOO_SLOW)
            for record in await self._reader.poll(POLL_S):
                device_id = self.ring.note(record)
                if device_id and not is_first:
                    log.info("key_changed", device_id=device_id, key_id=self.ring.key_id(device_id))
        if is_first:
            log.info("keys_read", registered=len(self.ring.registered))

    async def _is_at_end(self) -> bool:
        try:
            # Only the question is cut short: a poll that was could take records with it.
            async with asyncio.timeout(REFRESH_WITHIN_S):
                return await self._reader.is_at_end()
        except TimeoutError:
            raise Unavailable(TOO_SLOW) from None
