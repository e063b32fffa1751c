"""The coordinator's metrics of rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from contracts.messages.federation import MAKES_CURRENT, RoundPhase, RoundRecord
from contracts.metrics import (
    GLOBAL_COMMITTED_SECONDS,
    GLOBAL_LOSS,
    GLOBAL_ROUND,
    MODEL_CHANGE,
    ROUND_COHORT,
    ROUND_EXCLUDED,
    ROUND_INTERVAL_SECONDS,
    ROUND_SECONDS,
    ROUNDS,
    UNCOMMITTED_ROUNDS,
)


def measure_start(now: float, interval_s: float) -> None:
    """Begin: nobody may miss a committed round of the time before `now` (epoch seconds). No loss is known yet."""
    GLOBAL_COMMITTED_SECONDS.set(now)
    ROUND_INTERVAL_SECONDS.set(interval_s)
    GLOBAL_LOSS.set(float("nan"))
    MODEL_CHANGE.set(float("nan"))


def measure_record(rounds: Mapping[int, RoundRecord]) -> None:
    """Show the model that is the current one when this coordinator takes over."""
    settled = [record for record in rounds.values() if record.phase in MAKES_CURRENT]
    if settled:
        _show_model(max(settled, key=lambda record: record.round))


def measure_round(record: RoundRecord, seconds: float) -> None:
    """Count a round that ended after `seconds`. It takes the place of the one before as the latest."""
    ROUNDS.labels(str(record.phase)).inc()
    ROUND_SECONDS.observe(seconds)
    ROUND_COHORT.set(len(record.cohort))
    ROUND_EXCLUDED.clear()
    for reason, devices in Counter(record.excluded.values()).items():
        ROUND_EXCLUDED.labels(reason).set(devices)
    if record.change is not None:
        MODEL_CHANGE.set(record.change)
    if record.phase is not RoundPhase.COMMITTED:
        UNCOMMITTED_ROUNDS.inc()
        return
    UNCOMMITTED_ROUNDS.set(0)
    _show_model(record)
    if record.ended_at is not None:
        GLOBAL_COMMITTED_SECONDS.set(record.ended_at)


def measure_rollback(record: RoundRecord) -> None:
    """Show a model that was put in the place of the current one."""
    ROUNDS.labels(str(record.phase)).inc()
    GLOBAL_LOSS.set(float("nan"))
    _show_model(record)


def _show_model(record: RoundRecord) -> None:
    GLOBAL_ROUND.set(record.round)
    if record.loss is not None:
        GLOBAL_LOSS.set(record.loss)
