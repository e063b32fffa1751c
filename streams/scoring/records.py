"""Turns the engine's verdicts into the records that go to Kafka and Redis."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceSnapshot, DeviceStatus, ScoreBatch
from detectors.decisions.votes import KINDS
from detectors.engine.chunks import Verdicts
from streams.state.devices import DeviceContext

DECIMALS = 6
DECIMALS_BY_KIND = 3
MOST_MINUTES = 1440  # in one record, less than 250 kB: a broker takes 1 MB


def score_batches(device: DeviceContext, verdicts: Sequence[Verdicts], bundle_sha: str) -> list[ScoreBatch]:
    """Return batches of one session each, minutes in the order they were applied; NaN travels as null.

    A batch ends before the message that would take it over `MOST_MINUTES`.
    """
    batches: list[list[Verdicts]] = []
    minutes = 0
    for one in verdicts:
        if not one.minutes:
            continue
        minutes += one.minutes
        if not batches or batches[-1][0].session_id != one.session_id or minutes > MOST_MINUTES:
            batches.append([])
            minutes = one.minutes
        batches[-1].append(one)
    return [_score_batch(device, parts, bundle_sha) for parts in batches]


def _score_batch(device: DeviceContext, parts: Sequence[Verdicts], bundle_sha: str) -> ScoreBatch:
    return ScoreBatch(
        device_id=device.device_id,
        session_id=parts[0].session_id,
        epoch=device.epoch,
        bundle_sha=bundle_sha,
        event_minute=np.concatenate([part.event_minute for part in parts]).tolist(),
        reconstruction_error=_floats([part.reconstruction_error for part in parts]),
        score=_floats([part.score for part in parts]),
        threshold=_floats([part.threshold for part in parts]),
        flagged=np.concatenate([part.flagged for part in parts]).tolist(),
        state=[state for part in parts for state in part.state],
        scores=_by_kind(parts),
    )


def _by_kind(parts: Sequence[Verdicts]) -> dict[str, list[float | None]]:
    """Return every kind of score that is known of at least one minute."""
    kinds = {kind: [part.scores[kind] for part in parts] for kind in KINDS}
    known = {kind: arrays for kind, arrays in kinds.items() if any(np.isfinite(array).any() for array in arrays)}
    return {kind: _floats(arrays, DECIMALS_BY_KIND) for kind, arrays in known.items()}


def _floats(arrays: Sequence[NDArray[np.float32]], decimals: int = DECIMALS) -> list[float | None]:
    rounded: list[float | None] = np.round(np.concatenate(arrays).astype(np.float64), decimals).tolist()
    return rounded


def next_status(
    device: DeviceContext,
    snapshot: DeviceSnapshot,
    verdicts: Sequence[Verdicts],
    *,
    reason: str,
    bundle_sha: str,
    worker_id: str,
) -> DeviceStatus:
    """Return the device's status after a micro-batch; what the batch did not touch stays as it was.

    `bundle_sha` and `worker_id` are who judged it now. The status names the bundle of the score that it shows.
    """
    latest = verdicts[-1] if verdicts else device.status
    scored = next((part for part in reversed(verdicts) if part.windows), None)
    score, threshold, flagged = _last_window(scored, device.status)
    before = device.status if scored is None and score is not None else None
    return DeviceStatus(
        device_id=device.device_id,
        epoch=device.epoch,
        applied_through=snapshot.applied_through,
        vitals_offset=device.next_offset,
        session_id=snapshot.session_id,
        state=snapshot.state,
        reason=reason,
        state_since=snapshot.state_since,
        enrolled=latest.enrolled if latest else False,
        enrolment_share=latest.enrolment_share if latest else 0.0,
        score=score,
        threshold=threshold,
        scores=_last_scores(scored, device.status),
        flagged=flagged,
        flagged_share=latest.flagged_share if latest else 0.0,
        received_at=device.received_at,
        batch_interval_s=device.batch_interval_s,
        finished=snapshot.finished,
        bundle_sha=before.bundle_sha if before else bundle_sha,
        worker_id=worker_id,
        minutes=device.minutes,
        windows=device.windows,
        flagged_windows=device.flagged_windows,
        snapshot=snapshot,
        label=device.label,
    )


def _last_window(scored: Verdicts | None, before: DeviceStatus | None) -> tuple[float | None, float | None, bool]:
    if scored is not None and scored.latest_score is not None and scored.latest_threshold is not None:
        return round(scored.latest_score, DECIMALS), round(scored.latest_threshold, DECIMALS), scored.latest_flagged
    return (before.score, before.threshold, before.flagged) if before else (None, None, False)


def _last_scores(scored: Verdicts | None, before: DeviceStatus | None) -> dict[str, float]:
    """Return the kinds of score known at the last window."""
    if scored is None:
        return before.scores if before else {}
    last = np.flatnonzero(~np.isnan(scored.score))[-1]
    latest = {kind: float(scored.scores[kind][last]) for kind in KINDS}
    return {kind: round(value, DECIMALS_BY_KIND) for kind, value in latest.items() if isfinite(value)}
