"""Topic partitions, and the ranges of offsets that lead back from their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic, equal to the one of every Kafka client, each of which has its own."""

    topic: str
    partition: int


class BackwardSteps:
    """Ranges that go back from the ends of the given [start, end) to the starts, each `growth` times as long as the last.

    `reached` holds the first offset of each partition that was handed out so far.
    """

    def __init__(self, bounds: Mapping[TopicPartition, tuple[int, int]], first_step: int, growth: int = 2) -> None:
        self._starts = {partition: start for partition, (start, _) in bounds.items()}
        self._step = first_step
        self._growth = growth
        self.reached = {partition: end for partition, (_, end) in bounds.items()}

    def next(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return the next [start, stop) of each of these partitions that has older records, none when none has."""
        ranges = {
            at: (max(self._starts[at], self.reached[at] - self._step), self.reached[at])
            for at in partitions
            if self.reached[at] > self._starts[at]
        }
        self.reached.update({at: start for at, (start, _) in ranges.items()})
        self._step *= self._growth
        return ranges
