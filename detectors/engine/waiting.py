"""The decisions of a device that are too young to belong to its baseline."""

from __future__ import annotations


class WaitingDecisions:
    """The decisions of one device that wait to join its baseline: logits, and whether they may join."""

    __slots__ = ("first", "kept", "logits")

    def __init__(self, first: int) -> None:
        self.first = first
        self.logits: list[tuple[float, float]] = []
        self.kept: list[bool] = []

    def add(self, logits: tuple[float, float], *, kept: bool, baseline_start: int) -> None:
        """Add the next decision and drop those that have joined: all before `baseline_start`."""
        self.logits.append(logits)
        self.kept.append(kept)
        joined = min(max(0, baseline_start - self.first), len(self.kept))
        del self.logits[:joined]
        del self.kept[:joined]
        self.first += joined
