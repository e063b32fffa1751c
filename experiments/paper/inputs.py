"""What the paper's autoencoder reads, windows of five features scaled by patient, and a row of what became of each judged window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.minutes.cleaning import CleanMinutes, clean
from detectors.minutes.windows import WINDOW_MIN, usable_window_ends
from experiments.paper.patients import onset_min
from replay.attacks import AttackSpec, inject
from replay.recording import Recording

HOUR_MIN: Final = 60
DAY_MIN: Final = 1440
MONDAY_DAY: Final = 3  # 1970-01-01 was a Thursday
ATTACKS: Final = ("data-poisoning-1", "data-poisoning-2", "backdoor-1", "backdoor-2")
CASES: Final = ("no attack", *ATTACKS)  # the paper's runs 1 to 5 (Table II)
LEVEL: Final = "strong"


@dataclass(frozen=True, slots=True)
class MinMax:
    """Lowest value and range of each feature over a patient's clean recording, float64[5] each. A constant has range 1."""

    lowest: NDArray[np.float64]
    span: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PaperWindows:
    """`values` float32[k, 60, 5], scaled. `end_minute` int64[k], the event minute of each window's last minute.

    `poisoned` bool[k]: at least one minute of the window was changed by an attack.
    """

    values: NDArray[np.float32]
    end_minute: NDArray[np.int64]
    poisoned: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.end_minute)

    def part(self, chosen: NDArray[np.bool_]) -> PaperWindows:
        """Return the windows where `chosen` is true."""
        return PaperWindows(self.values[chosen], self.end_minute[chosen], self.poisoned[chosen])


def raw_features(vitals: NDArray[np.float64], event_minute: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[n, 5]: bpm, breaths/min, hour 0..23, day of the month 1..31, weekday 0..6 (Monday 0), in UTC."""
    day = event_minute // DAY_MIN
    date = day.astype("datetime64[D]")
    of_month = (date - date.astype("datetime64[M]")).astype(np.int64) + 1
    calendar = (event_minute // HOUR_MIN % 24, of_month, (day + MONDAY_DAY) % 7)
    return np.column_stack([vitals, *calendar])


def min_max(recording: Recording) -> MinMax:
    """Return a patient's scale. Give the clean recording, as the paper's poisoned devices would else scale attacks away."""
    minutes = clean_minutes(recording)
    features = raw_features(minutes.values, minutes.event_minute)
    lowest, highest = features.min(axis=0), features.max(axis=0)
    return MinMax(lowest, np.where(highest > lowest, highest - lowest, 1.0))


def clean_windows(recording: Recording, scale: MinMax, every_min: int) -> PaperWindows:
    """Return the usable windows that end on an event minute divisible by `every_min`."""
    return _windows(recording, scale, every_min, np.zeros(recording.minutes, np.bool_))


def attacked_windows(recording: Recording, scale: MinMax, attack: str, seed: int, every_min: int) -> PaperWindows:
    """Return those that end after the onset of the attack, half-way through the recording. It lasts to the end."""
    onset = onset_min(recording)
    injection = inject(recording, AttackSpec(attack, recording.device_id, onset, level=LEVEL, seed=seed))
    windows = _windows(injection.recording, scale, every_min, injection.poisoned)
    return windows.part(windows.end_minute >= recording.first_event_minute + onset)


def _windows(recording: Recording, scale: MinMax, every_min: int, poisoned: NDArray[np.bool_]) -> PaperWindows:
    minutes = clean_minutes(recording)
    ends = usable_window_ends(minutes)
    ends = ends[minutes.event_minute[ends] % every_min == 0]
    scaled = (raw_features(minutes.values, minutes.event_minute) - scale.lowest) / scale.span
    values = sliding_window_view(scaled.astype(np.float32), WINDOW_MIN, axis=0)[ends - (WINDOW_MIN - 1)]
    minute_poisoned = poisoned[minutes.event_minute - recording.first_event_minute]
    touched = sliding_window_view(minute_poisoned, WINDOW_MIN)[ends - (WINDOW_MIN - 1)].any(axis=1)
    return PaperWindows(np.ascontiguousarray(values.transpose(0, 2, 1)), minutes.event_minute[ends], touched)


def clean_minutes(recording: Recording) -> CleanMinutes:
    """Return a recording's valid minutes, short gaps filled."""
    return clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)


# `case` is an index into CASES: 0 is the clean recording. `step` is the mean squared change of the two scaled vital signs from
# one minute to the next: a yardstick that takes one line.
ROW: Final = np.dtype(
    [("error", "f8"), ("step", "f8"), ("patient", "i8"), ("case", "i8"), ("end_minute", "i8"), ("poisoned", "?")]
)
Rows = NDArray[Any]  # of dtype ROW


def rows_of(windows: PaperWindows, errors: NDArray[np.float64], patient: int, case: int) -> Rows:
    """Return the rows of one patient's windows."""
    rows = np.zeros(len(windows), ROW)
    rows["error"], rows["patient"], rows["case"] = errors, patient, case
    rows["step"] = np.square(np.diff(windows.values[..., :2].astype(np.float64), axis=1)).mean(axis=(1, 2))
    rows["end_minute"], rows["poisoned"] = windows.end_minute, windows.poisoned
    return rows


def is_clean(rows: Rows) -> NDArray[np.bool_]:
    """Return bool[n]: whether a row comes from a recording without an attack."""
    return np.asarray(rows["case"] == 0)


def in_trial(rows: Rows) -> NDArray[np.bool_]:
    """Return bool[n]: attacked windows, and clean ones of the same hours. A patient without attacked ones has none."""
    chosen = ~is_clean(rows)
    for patient in np.unique(rows["patient"][chosen]):
        of_patient = rows["patient"] == patient
        onset = rows["end_minute"][of_patient & (rows["case"] > 0)].min()
        chosen = chosen | (of_patient & (rows["end_minute"] >= onset))
    return chosen


def balanced_weights(rows: Rows) -> NDArray[np.float64]:
    """Return float64[n]: a clean window counts once for each attack on the same hours, so that guessing is right half of the time."""
    return np.where(is_clean(rows), float(len(ATTACKS)), 1.0)


def last_day(rows: Rows, patient: int, case: int) -> NDArray[np.bool_]:
    """Return bool[n]: the patient's rows of a case within the last 24 hours of its recording."""
    of_patient = rows["patient"] == patient
    end = rows["end_minute"][of_patient].max()
    return np.asarray(of_patient & (rows["case"] == case) & (rows["end_minute"] > end - DAY_MIN))
