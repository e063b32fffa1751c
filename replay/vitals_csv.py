"""Recordings as the project's own table: a row a minute, empty where nothing was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from contracts.event_time import from_event_minute
from replay.recording import Recording

HEADER: Final = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm,pulse_bpm"


def csv_lines(recordings: Iterable[Recording]) -> Iterator[str]:
    """Yield the header and then each recording's minutes, a line each with its end; what `read_recordings` reads back."""
    yield f"{HEADER}\n"
    for recording in recordings:
        pulse = np.full(recording.minutes, np.nan) if recording.pulse_bpm is None else recording.pulse_bpm
        columns = (recording.heart_rate_bpm, recording.resp_rate_bpm, pulse)
        for at, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            time = f"{from_event_minute(recording.first_event_minute + at):%Y-%m-%dT%H:%MZ}"
            cells = ("" if np.isnan(value) else f"{value:.6g}" for value in values)
            yield f"{recording.device_id},{time},{','.join(cells)}\n"
