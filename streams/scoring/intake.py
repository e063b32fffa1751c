"""Decodes raw records into checked batches or dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.errors import InvalidMessage
from contracts.messages.dead_letters import dead_letter_headers
from contracts.messages.vitals import VitalsBatch, decode_vitals
from contracts.metrics import DEAD_LETTERS, MESSAGES
from streams.publisher import DeadLetter
from streams.vitals_records import VitalsRecord

LETTERS_AT_ONCE = 50
LETTERS_PER_S = 1.0


@dataclass(slots=True)
class _Allowance:
    letters: float
    at: float


@dataclass(slots=True)
class Intake:
    """Decodes and counts messages. A device that sends nothing but garbage gets a bounded number of letters kept.

    The first LETTERS_AT_ONCE are kept, then LETTERS_PER_S (wall time); all are counted. `clock` is in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _allowances: dict[str, _Allowance] = field(default_factory=dict)

    def take_in(self, record: VitalsRecord) -> VitalsBatch | DeadLetter | None:
        """Return the batch, the letter to send, or None for an invalid message beyond its device's allowance."""
        MESSAGES.inc()
        try:
            return decode_vitals(record.value, expected_device_id=record.device_id)
        except InvalidMessage as error:
            DEAD_LETTERS.labels(error.reason).inc()
            if not self._may_send(record.device_id):
                return None
            headers = dead_letter_headers(
                error.reason, error.detail, record.partition.topic, record.partition.partition, record.offset
            )
            return DeadLetter(record.device_id, record.value, headers)

    def forget(self, device_id: str) -> None:
        """Drop what is known of a device that left."""
        self._allowances.pop(device_id, None)

    def _may_send(self, device_id: str) -> bool:
        now = self.clock()
        allowance = self._allowances.setdefault(device_id, _Allowance(LETTERS_AT_ONCE, now))
        gained = (now - allowance.at) * LETTERS_PER_S
        allowance.letters = min(LETTERS_AT_ONCE, allowance.letters + gained)
        allowance.at = now
        if allowance.letters < 1:
            return False
        allowance.letters -= 1
        return True
