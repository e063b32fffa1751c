"""Keeps a table at what its compacted topic says now."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

from contracts.errors import Unavailable
from transport.kafka.topic_reader import TopicReader

POLL_S: Final = 0.2
REFRESH_WITHIN_S: Final = 5.0


class TableRecord(Protocol):
    """As much of a topic's record as a table is made of."""

    offset: int
    key: bytes | None
    value: bytes | None


class TableContent(Protocol):
    """What the records of a topic are folded to, without I/O."""

    def note(self, record: TableRecord) -> Any:
        """Take the next record of the topic."""

    def forget(self) -> None:
        """Know of nothing: the topic was made anew."""


Content = TypeVar("Content", bound=TableContent)


class CompactedTable(Generic[Content]):
    """Keeps `content` at what the topic says, with a reader of its own that stays open. `name` is what the topic shows."""

    def __init__(self, reader: TopicReader, topic: str, content: Content, *, name: str) -> None:
        self._reader = reader
        self._topic = topic
        self._too_slow = f"Kafka does not show {name} within {REFRESH_WITHIN_S:g} s"
        self.content = content

    async def refresh(self) -> Content:
        """Read to the topic's end, so that whatever was written before this call counts after it, and return the content.

        Two round trips when nothing is new. Of a topic that was made anew, what the one before it held is forgotten. Raises Unavailable when Kafka or the topic is not there, or when it takes more than
        some seconds.
        """
        if self._topic not in self._reader.topics_read:
            await self._reader.add_existing([self._topic], start="earliest")
        deadline = monotonic() + REFRESH_WITHIN_S
        while not await self._is_at_end():
            if monotonic() > deadline:
                raise Unavailable(self._too_slow)
            records = await self._reader.poll(POLL_S)
            self._forget_what_is_gone()
            for record in records:
                self.content.note(record)
        return self.content

    async def _is_at_end(self) -> bool:
        try:
            # Only the question is cut short: a poll that was could take records with it.
            async with asyncio.timeout(REFRESH_WITHIN_S):
                is_at_end = await self._reader.is_at_end()
        except TimeoutError:
            raise Unavailable(self._too_slow) from None
        self._forget_what_is_gone()
        return is_at_end

    def _forget_what_is_gone(self) -> None:
        if self._topic in self._reader.take_made_anew():
            self.content.forget()
