"""What the pulse rule says of every decision of a patient's streams: attacks reach heart rate and breathing, not the pulse."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.minutes.cleaning import usable_minutes
from detectors.rules.pulse import FEWEST, WINDOW_MIN, limit_bpm
from detectors.training.cohort import Recording, Vitals, vitals_of
from detectors.training.table import Stream
from detectors.training.table_build import PatientJob
from experiments.evaluation.measurement.replayed import attacked_vitals

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def pulse_values(job: PatientJob, streams: list[Stream]) -> list[Floats32]:
    """Return by stream float32[R]: the distance of heart rate and pulse by its limit (1: the rule speaks); 0 without a pulse."""
    recording = job.patient.recording
    if recording.pulse_bpm is None:
        return [np.zeros(len(stream.decisions), np.float32) for stream in streams]
    own = _medians(recording, vitals_of(recording), streams[0])
    seen = own[: job.patient.enrolled]
    limit = limit_bpm(seen[np.isfinite(seen)].tolist())
    found = [own]
    for stream in streams[1:]:
        is_attack = stream.case >= 0
        vitals = attacked_vitals(job, stream)[0] if is_attack else vitals_of(recording)
        found.append(_medians(recording, vitals, stream))
    return [np.nan_to_num(each / limit).astype(np.float32) for each in found]


def _medians(recording: Recording, vitals: Vitals, stream: Stream) -> Floats:
    """Return the median distance over the half hour up to each decision, bpm; NaN with fewer than ten minutes of both."""
    assert recording.pulse_bpm is not None
    known = usable_minutes(vitals[:, 0], vitals[:, 1]) & (recording.pulse_bpm > 0)
    gap = np.where(known, np.abs(vitals[:, 0] - recording.pulse_bpm), np.nan)
    windows = sliding_window_view(np.concatenate([np.full(WINDOW_MIN - 1, np.nan), gap]), WINDOW_MIN)
    at = windows[stream.decisions.event_minute - recording.first_event_minute]
    enough = np.isfinite(at).sum(axis=1) >= FEWEST
    found = np.full(len(at), np.nan)
    found[enough] = np.nanmedian(at[enough], axis=1)
    return found
