"""Topic partitions, and the ranges of offsets that lead back from their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar


class TopicPartition(NamedTuple):
    """A partition of a topic; equal to the one of every Kafka client, each of which has its own."""

    topic: str
    partition: int


Partition = TypeVar("Partition", bound=tuple[str, int])


class BackwardSteps(Generic[Partition]):
    """Ranges that go back from the given ends to the starts, each `growth` times as long as the one before.

    `reached` holds the first offset of each partition that was handed out so far.
    """

    def __init__(
        self, starts: Mapping[Partition, int], ends: Mapping[Partition, int], first_step: int, growth: int = 2
    ) -> None:
        self._starts = starts
        self._step = first_step
        self._growth = growth
        self.reached = dict(ends)

    def next(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Return the next [start, stop) of each of these partitions that has older records; empty: there are none."""
        ranges = {
            at: (max(self._starts[at], self.reached[at] - self._step), self.reached[at])
            for at in partitions
            if self.reached[at] > self._starts[at]
        }
        self.reached.update({at: start for at, (start, _) in ranges.items()})
        self._step *= self._growth
        return ranges
