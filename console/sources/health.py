"""Whether Redis and Kafka answer, since when they do not, and why: said on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger()


@dataclass(slots=True)
class Source:
    """One service that the console reads. `answers` is None before the first try; `since` is epoch seconds."""

    name: str
    clock: Callable[[], float]
    answers: bool | None = None
    since: float = 0.0
    reason: str = ""

    def answered(self) -> None:
        """Note that it just answered."""
        self._turn(True, "")

    def failed(self, reason: str) -> None:
        """Note that it did not."""
        self._turn(False, reason)

    def _turn(self, answers: bool, reason: str) -> None:
        if self.answers is not answers:
            self.since = self.clock()
            (log.info if answers else log.warning)("source_turned", source=self.name, answers=answers, reason=reason)
        self.answers, self.reason = answers, reason

    def as_dict(self) -> dict[str, Any]:
        """Return what pages show of it."""
        return {"name": self.name, "answers": self.answers, "since": self.since, "reason": self.reason}
