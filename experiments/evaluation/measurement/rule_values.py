"""What the replay rule and the pulse rule say of every decision of a patient's streams: they need minutes, which a table does not hold."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.minutes.cleaning import usable_minutes
from detectors.rules.pulse import FEWEST, WINDOW_MIN, limit_bpm
from detectors.rules.replay import LIMIT_SHARE, ReplayMemory
from detectors.training.attacked import span_of
from detectors.training.cohort import Recording, Vitals, vitals_of
from detectors.training.patients import generator_of, onsets_of
from detectors.training.scores import table_build
from detectors.training.scores.table import Stream
from detectors.training.scores.table_build import PatientJob

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def replay_values(job: PatientJob, streams: list[Stream]) -> list[Floats32]:
    """Return by stream float32[R]: the rule's share by its limit (1: it speaks). 0 on distorted streams, which nobody judges."""
    clean = streams[0].decisions
    memory, values, states = ReplayMemory(), _Asked(clean.event_minute), {}
    begins = {begin for begin, _ in _spans(job).values()}
    vitals, first = vitals_of(job.patient.recording), job.patient.recording.first_event_minute
    measured = usable_minutes(vitals[:, 0], vitals[:, 1])
    for minute, (heart, breath) in enumerate(vitals.tolist()):
        if minute in begins:
            states[minute] = deepcopy(memory)
        if measured[minute]:
            memory.push(first + minute, heart, breath)
        values.ask(memory, first + minute)
    own = values.shares
    return [own, *(_of_trace(job, stream, own, states) for stream in streams[1:])]


def attacked_span(job: PatientJob, stream: Stream) -> tuple[int, int]:
    """Return the minutes [begin, end) of the recording that a trace's attack changes."""
    return _spans(job)[stream.onset]


def attacked_vitals(job: PatientJob, stream: Stream) -> tuple[Vitals, int, int]:
    """Return the vitals float64[m, 2] of a trace as they were made, and the minutes [begin, end) of the attack."""
    begin, end = attacked_span(job, stream)
    return table_build.attacked_vitals(job, stream.case, stream.onset, (begin, end)), begin, end


def _spans(job: PatientJob) -> dict[int, tuple[int, int]]:
    judged, others, duration = onsets_of(job.patient, generator_of(job.seed, job.patient.name), job.attacks.more_onsets)
    return {onset: span_of(job.patient, onset, duration) for onset in (*judged, *others)}


def _of_trace(job: PatientJob, stream: Stream, own: Floats32, states: dict[int, ReplayMemory]) -> Floats32:
    if stream.case < 0:
        return np.zeros(len(stream.decisions), np.float32)
    vitals, begin, end = attacked_vitals(job, stream)
    first = job.patient.recording.first_event_minute
    memory, values = deepcopy(states[begin]), _Asked(stream.decisions.event_minute)
    measured = usable_minutes(vitals[begin:end, 0], vitals[begin:end, 1])
    for place, (heart, breath) in enumerate(vitals[begin:end].tolist()):
        if measured[place]:
            memory.push(first + begin + place, heart, breath)
        values.ask(memory, first + begin + place)
    before = stream.decisions.event_minute < first + begin
    values.shares[before] = own[stream.decisions.decision[before]]
    return values.shares


class _Asked:
    """Asks the memory at the event minutes of decisions, which rise."""

    def __init__(self, event_minute: NDArray[np.int64]) -> None:
        self.shares = np.zeros(len(event_minute), np.float32)
        self._place = {minute: place for place, minute in enumerate(event_minute.tolist())}

    def ask(self, memory: ReplayMemory, event_minute: int) -> None:
        place = self._place.get(event_minute)
        if place is not None:
            self.shares[place] = memory.share(event_minute) / LIMIT_SHARE


def pulse_values(job: PatientJob, streams: list[Stream]) -> list[Floats32]:
    """Return by stream float32[R]: the distance of heart rate and pulse by its limit (1: the rule speaks). 0 without a pulse."""
    recording = job.patient.recording
    if recording.pulse_bpm is None:
        return [np.zeros(len(stream.decisions), np.float32) for stream in streams]
    own = _medians(recording, vitals_of(recording), streams[0])
    seen = own[: job.patient.enrolled]
    limit = limit_bpm(seen[np.isfinite(seen)].tolist())
    by_stream = [own]
    for stream in streams[1:]:
        is_attack = stream.case >= 0
        vitals = attacked_vitals(job, stream)[0] if is_attack else vitals_of(recording)
        by_stream.append(_medians(recording, vitals, stream))
    return [np.nan_to_num(each / limit).astype(np.float32) for each in by_stream]


def _medians(recording: Recording, vitals: Vitals, stream: Stream) -> Floats:
    """Return the median distance over the half hour up to each decision, bpm. NaN with fewer than ten minutes of both."""
    assert recording.pulse_bpm is not None
    known = usable_minutes(vitals[:, 0], vitals[:, 1]) & (recording.pulse_bpm > 0)
    gap = np.where(known, np.abs(vitals[:, 0] - recording.pulse_bpm), np.nan)
    windows = sliding_window_view(np.concatenate([np.full(WINDOW_MIN - 1, np.nan), gap]), WINDOW_MIN)
    at = windows[stream.decisions.event_minute - recording.first_event_minute]
    enough = np.isfinite(at).sum(axis=1) >= FEWEST
    medians = np.full(len(at), np.nan)
    medians[enough] = np.nanmedian(at[enough], axis=1)
    return medians
