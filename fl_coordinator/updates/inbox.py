"""Reads the update topics of all devices, without a group."""

from __future__ import annotations

from time import monotonic
from typing import Final

from contracts.topics import Topics
from transport.kafka.topic_reader import Record, Start, TopicReader

CLOCKS_APART_S: Final = 300.0


class UpdateInbox:
    """Reads every `fl.updates` topic there is. Topics found first are read from now on, later ones whole."""

    def __init__(self, reader: TopicReader, topics: Topics, discovery_interval_s: float) -> None:
        self._reader = reader
        self._prefix = topics.fl_updates_prefix
        self._interval_s = discovery_interval_s
        self._looked_at = float("-inf")
        self.participating: set[str] = set()

    async def discover(self, since: float | None = None) -> None:
        """Look for new update topics now. Raises Unavailable.

        With `since` (epoch seconds) the topics found first are read from then on: a round is resumed, and answers to it
        may lie there. The broker's clock stamps them, so some minutes are allowed between it and ours.
        """
        existing = {topic for topic in await self._reader.list_topics() if topic.startswith(self._prefix)}
        is_first = self._looked_at == float("-inf")
        start: Start = "earliest"
        if is_first:
            start = "latest" if since is None else since - CLOCKS_APART_S
        await self._reader.add(existing, start=start)
        self._looked_at = monotonic()
        self.participating = {self.sender_of(topic) for topic in self._reader.topics_read & existing}

    async def poll(self, timeout_s: float) -> list[Record]:
        """Return the next update records, looking for new topics from time to time. Raises Unavailable."""
        if monotonic() - self._looked_at >= self._interval_s:
            await self.discover()
        return await self._reader.poll(timeout_s)

    def sender_of(self, topic: str) -> str:
        """Return the device whose topic this is: the only one that may write it."""
        return topic[len(self._prefix) :]
