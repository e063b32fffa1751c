"""What is refused of a round's answers: told, set aside, and bounded, so that no flood reaches the record."""

from __future__ import annotations

from collections import Counter
from typing import Final

import structlog

from contracts.metrics import UPDATES
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.journal import Journal
from transport.kafka.topic_reader import Record

log = structlog.get_logger()
MAX_DETAIL_CHARS: Final = 300
"""What a device wrote into an update may stand in the audit trail, but a long text must not keep the trail from Kafka."""
MAX_REFUSALS: Final = 10
"""So many refused answers a device go on record a round; after so many that it signed itself it is out of the round."""
MAX_UNSIGNED: Final = 1000
"""So many that its key did not sign are looked at (a quarter of a second in all) before a device is only counted until the
next round: a flood on its topic must neither hold up the others nor, at once, keep out the device's own answer."""


class Refusals:
    """The refused answers of one round. `bad`: devices of which one broke the rules."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._signed: Counter[str] = Counter()
        self._unsigned: Counter[str] = Counter()
        self.bad: set[str] = set()

    def clear(self) -> None:
        """Begin with a round."""
        self._signed.clear()
        self._unsigned.clear()
        self.bad.clear()

    def is_too_many(self, sender_id: str) -> bool:
        """Whether so many of a device's answers were refused that no more of them are looked at."""
        return self._signed[sender_id] >= MAX_REFUSALS or self._unsigned[sender_id] >= MAX_UNSIGNED

    async def note(
        self, sender_id: str, message: Record, refusal: UpdateRefused, *, round_number: int, is_signed: bool
    ) -> None:
        """Count a refusal, and put it on record unless the device has had its share of that. Raises Unavailable."""
        refused = self._signed if is_signed else self._unsigned
        refused[sender_id] += 1
        UPDATES.labels(refusal.reason).inc()
        if refusal.is_bad:
            self.bad.add(sender_id)
        if refused[sender_id] > MAX_REFUSALS:
            return
        reason, detail = refusal.reason, refusal.detail[:MAX_DETAIL_CHARS]
        log.warning("update_refused", round=round_number, device_id=sender_id, reason=reason, detail=detail)
        if refusal.is_bad:
            await self._journal.dead_letter(message, sender_id, "bad_update", f"{reason}: {detail}")
        await self._journal.event("update_refused", round_number, sender_id, reason, detail=detail)
