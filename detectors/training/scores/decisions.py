"""What is computed of a patient's decisions: block sums of the clean stream once, of each trace where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats32, Ints
from detectors.engine.model import WindowScorer, network_errors
from detectors.minutes.windows import STEP_MIN, after_enrolment, decision_minute
from detectors.rules.copies import BLOCKS, block_evidence, stream_nats
from detectors.rules.frozen import stream_runs
from detectors.statistics.base import SLOW_MIN
from detectors.statistics.windows import Blocks, DecisionRows, blocks_of, rows_of_stream, stream_statistics
from detectors.training.attacked import Trace
from detectors.training.patients import Patient

Arrays = TypeVar("Arrays", DecisionRows, Blocks)

REACH: Final = max(SLOW_MIN // STEP_MIN, BLOCKS)
"""Blocks that a decision's sums hold."""
MOST_ROWS: Final = 2048


class Measured(NamedTuple):
    """Of R blocks: their sums, and the copy rule's evidence float32[R, 56, 2]."""

    blocks: Blocks
    evidence: Floats32


@dataclass(frozen=True, slots=True, eq=False)
class StreamDecisions:
    """The decisions of one stream, in order. Arrays of R places.

    `values` float32[R, C], `nats` float32 and `run` int32 of the copy and frozen rules, `usable`, `judged` and `deteriorating`
    bool, `decision` int32 on the clean stream's raster, `event_minute` int64, `since` int32: attacked minutes up to the
    end of the judged block (0 before the onset and on clean streams).
    """

    values: Floats32
    nats: Floats32
    run: NDArray[np.int32]
    usable: Bools
    judged: Bools
    deteriorating: Bools
    decision: NDArray[np.int32]
    event_minute: Ints
    since: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.decision)


def measured(rows: DecisionRows, network: WindowScorer | None) -> Measured:
    """Return the block sums of decisions' rows, part by part: rows are large."""
    parts = [_measured(_cut(rows, slice(start, start + MOST_ROWS)), network)
             for start in range(0, len(rows.decision), MOST_ROWS)]  # fmt: skip
    return Measured(
        Blocks._make(_joined([part.blocks for part in parts])),
        np.concatenate([part.evidence for part in parts]),
    )


def _measured(rows: DecisionRows, network: WindowScorer | None) -> Measured:
    return Measured(blocks_of(rows, network_errors(network, rows)), block_evidence(rows))


def clean_blocks(patient: Patient, network: WindowScorer | None) -> Measured:
    """Return the blocks of the patient's clean stream."""
    return measured(rows_of_stream(patient.minutes.values, patient.minutes.weight, patient.profile), network)


def clean_decisions(patient: Patient, sums: Measured) -> StreamDecisions:
    """Return the decisions of the patient's clean stream."""
    decision = np.arange(len(patient.usable))
    last = decision_minute(decision)
    event_minute = patient.minutes.event_minute[last]
    return StreamDecisions(
        values=stream_statistics(sums.blocks).astype(np.float32),
        nats=stream_nats(sums.evidence).astype(np.float32),
        run=stream_runs(patient.minutes)[last].astype(np.int32),
        usable=patient.usable,
        judged=patient.usable & after_enrolment(decision, patient.profile.enrolment_min),
        deteriorating=_deteriorating(patient, event_minute),
        decision=decision.astype(np.int32),
        event_minute=event_minute,
        since=np.zeros(len(decision), np.int32),
    )


def traced_decisions(
    patient: Patient, clean: Measured, traces: Sequence[Trace], network: WindowScorer | None
) -> list[StreamDecisions]:
    """Return the decisions of traces of one patient, whose blocks before the attack are the clean stream's."""
    if not traces:
        return []
    rows = DecisionRows._make(_joined([trace.rows for trace in traces]))
    sums, start = measured(rows, network), 0
    result: list[StreamDecisions] = []
    for trace in traces:
        stop = start + len(trace.decision)
        own = Measured(_cut(sums.blocks, slice(start, stop)), sums.evidence[start:stop])
        result.append(_traced(patient, clean, trace, own))
        start = stop
    return result


def _traced(patient: Patient, clean: Measured, trace: Trace, own: Measured) -> StreamDecisions:
    first = int(trace.decision[0])
    before = slice(max(0, first - REACH), first)
    skipped = before.stop - before.start
    blocks = Blocks._make(_joined([_cut(clean.blocks, before), own.blocks]))
    nats = stream_nats(np.concatenate([clean.evidence[before], own.evidence]))
    ended = decision_minute(trace.decision) - 6  # the judged block's end, exclusive
    return StreamDecisions(
        values=stream_statistics(blocks)[skipped:].astype(np.float32),
        nats=nats[skipped:].astype(np.float32),
        run=trace.run.astype(np.int32),
        usable=trace.usable,
        judged=trace.usable & after_enrolment(trace.decision, patient.profile.enrolment_min),
        deteriorating=_deteriorating(patient, trace.event_minute),
        decision=trace.decision.astype(np.int32),
        event_minute=trace.event_minute,
        since=np.maximum(ended - trace.onset, 0).astype(np.int32),
    )


def _cut(arrays: Arrays, part: slice) -> Arrays:
    """Return a named tuple of arrays cut to some rows."""
    return type(arrays)._make(array[part] for array in arrays)


def _joined(parts: Sequence[tuple[Any, ...]]) -> list[NDArray[Any]]:
    """Return the arrays of several such tuples, one after another."""
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _deteriorating(patient: Patient, event_minute: Ints) -> Bools:
    """Return whether the patient deteriorated within the hour before each minute."""
    total = np.concatenate([[0], np.cumsum(patient.stay.deteriorating)])
    place = event_minute - patient.recording.first_event_minute + 1
    return np.asarray(total[place] > total[np.maximum(place - 60, 0)])


def joined(streams: Sequence[StreamDecisions]) -> dict[str, NDArray[Any]]:
    """Return the arrays of all streams one after another, by name."""
    return {
        field.name: np.concatenate([getattr(stream, field.name) for stream in streams])
        for field in fields(StreamDecisions)
    }
