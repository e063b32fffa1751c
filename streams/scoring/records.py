"""Turns the engine's verdicts into the records that go to Kafka and Redis."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceSnapshot, DeviceState, DeviceStatus, ScoreBatch
from detectors.array_types import Floats32
from detectors.decisions.votes import KINDS
from detectors.engine.chunks import Verdicts
from streams.state.devices import DeviceContext

DECIMALS = 6
DECIMALS_BY_KIND = 3
MOST_MINUTES = 1440  # in one record, less than 250 kB: a broker takes 1 MB


def score_batches(device: DeviceContext, verdicts: Sequence[Verdicts], bundle_sha: str) -> list[ScoreBatch]:
    """Return batches of one session each, minutes in the order they were applied. NaN travels as null.

    A batch ends before the message that would take it over `MOST_MINUTES`.
    """
    batches: list[list[Verdicts]] = []
    minutes = 0
    for part in verdicts:
        if not part.minutes:
            continue
        minutes += part.minutes
        if not batches or batches[-1][0].session_id != part.session_id or minutes > MOST_MINUTES:
            batches.append([])
            minutes = part.minutes
        batches[-1].append(part)
    return [_score_batch(device, parts, bundle_sha) for parts in batches]


def _score_batch(device: DeviceContext, parts: Sequence[Verdicts], bundle_sha: str) -> ScoreBatch:
    nothing: list[float | None] = [None] * sum(part.minutes for part in parts)
    has_decision = any(part.windows for part in parts)  # most minutes bring none, and there is nothing to round
    return ScoreBatch(
        device_id=device.device_id,
        session_id=parts[0].session_id,
        epoch=device.epoch,
        bundle_sha=bundle_sha,
        event_minute=_joined([part.event_minute for part in parts]).tolist(),
        reconstruction_error=_floats([part.reconstruction_error for part in parts]) if has_decision else nothing,
        score=_floats([part.score for part in parts]) if has_decision else nothing,
        threshold=_floats([part.threshold for part in parts]),
        flagged=_joined([part.flagged for part in parts]).tolist(),
        state=[state for part in parts for state in part.state],
        scores=_by_kind(parts) if has_decision else {},
    )


def _by_kind(parts: Sequence[Verdicts]) -> dict[str, list[float | None]]:
    """Return every kind of score that is known of at least one minute."""
    kinds = {kind: [part.scores[kind] for part in parts] for kind in KINDS}
    known = {kind: arrays for kind, arrays in kinds.items() if any(np.isfinite(array).any() for array in arrays)}
    return {kind: _floats(arrays, DECIMALS_BY_KIND) for kind, arrays in known.items()}


def _floats(arrays: Sequence[Floats32], decimals: int = DECIMALS) -> list[float | None]:
    rounded: list[float | None] = np.round(_joined(arrays).astype(np.float64), decimals).tolist()
    return rounded


def _joined(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


_NEW = DeviceStatus(
    device_id="new", epoch=0, applied_through=0, vitals_offset=0, session_id=0, state=DeviceState.ENROLLING, reason="", state_since=0,
    enrolled=False, enrolment_share=0.0, score=None, threshold=None, scores={}, flagged=False, flagged_share=0.0, received_at=0.0,
    batch_interval_s=0.0, finished=False, bundle_sha="", worker_id="", minutes=0, windows=0, flagged_windows=0,
)  # fmt: skip


def next_status(
    device: DeviceContext,
    snapshot: DeviceSnapshot,
    verdicts: Sequence[Verdicts],
    *,
    reason: str,
    bundle_sha: str,
    worker_id: str,
) -> DeviceStatus:
    """Return the device's status after a micro-batch. What the batch did not touch stays as it was.

    `bundle_sha` and `worker_id` are who judged it now. The status names the bundle of the score that it shows.
    """
    before = device.status or _NEW
    status = replace(
        before,
        device_id=device.device_id,
        epoch=device.epoch,
        applied_through=snapshot.applied_through,
        vitals_offset=device.next_offset,
        vitals_topic_id=device.topic_id,
        session_id=snapshot.session_id,
        state=snapshot.state,
        reason=reason,
        state_since=snapshot.state_since,
        received_at=device.received_at,
        batch_interval_s=device.batch_interval_s,
        finished=snapshot.finished,
        bundle_sha=bundle_sha if before.score is None else before.bundle_sha,
        worker_id=worker_id,
        minutes=before.minutes + sum(part.minutes for part in verdicts),
        windows=before.windows + sum(part.windows for part in verdicts),
        flagged_windows=before.flagged_windows + sum(part.flagged_windows for part in verdicts),
        snapshot=snapshot,
        label=device.label,
    )
    if verdicts:
        after = verdicts[-1]
        status = replace(
            status, enrolled=after.enrolled, enrolment_share=after.enrolment_share, flagged_share=after.flagged_share
        )
    scored = next((part for part in reversed(verdicts) if part.windows), None)
    return status if scored is None else replace(status, bundle_sha=bundle_sha, **_last_decision(scored))


def _last_decision(scored: Verdicts) -> dict[str, Any]:
    """Return what a status shows of the last decision of verdicts that hold one, by the names of its fields."""
    last = np.flatnonzero(~np.isnan(scored.score))[-1]
    by_kind = {kind: float(scored.scores[kind][last]) for kind in KINDS}
    return {
        "score": _rounded(scored.latest_score),
        "threshold": _rounded(scored.latest_threshold),
        "flagged": scored.latest_flagged,
        "scores": {kind: round(value, DECIMALS_BY_KIND) for kind, value in by_kind.items() if isfinite(value)},
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DECIMALS)
