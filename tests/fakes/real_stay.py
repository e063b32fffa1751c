"""A synthetic patient's day gone wrong, cut anyhow, for tests of the real arithmetic."""

from __future__ import annotations

from typing import Final

import numpy as np
from random_bundle import random_bundle

from contracts.verdicts import DeviceSnapshot
from detectors.chunks import MinuteChunk
from detectors.preprocessing import Rows, pushed_rows
from detectors.scorer import TrainedModel
from detectors.tracks import DeviceTracks
from replay.sources.synthetic import synthetic_recording

ENROLMENT: Final = 400
MINUTES: Final = 1000
LIMIT: Final = 0.7
BUNDLE: Final = random_bundle(3)


def real_stay() -> MinuteChunk:
    """Most of a day with its pulse, heart rate scaled for two hours and an hour and a half sent twice."""
    recording = synthetic_recording(5, 1, MINUTES)
    heart, breath = recording.heart_rate_bpm.copy(), recording.resp_rate_bpm.copy()
    heart[500:620] = np.round(heart[500:620] * 1.4, 1)
    heart[800:890], breath[800:890] = heart[300:390], breath[300:390]
    return MinuteChunk("a", 1, recording.first_event_minute, heart, breath, heart - 0.4)


def part(stay: MinuteChunk, first: int, end: int) -> MinuteChunk:
    channels = (stay.heart_rate_bpm, stay.resp_rate_bpm, stay.pulse_bpm)
    heart, breath, pulse = (np.asarray(channel)[first:end] for channel in channels)
    return MinuteChunk("a", 1, stay.first_event_minute + first, heart, breath, pulse)


def rows_of(stay: MinuteChunk, first: int = 0, end: int = MINUTES) -> Rows:
    piece = part(stay, first, end)
    return pushed_rows(piece.first_event_minute, piece.heart_rate_bpm, piece.resp_rate_bpm)


def engine(model: TrainedModel, snapshot: DeviceSnapshot | None = None) -> DeviceTracks:
    tracks = DeviceTracks(model, enrolment_min=ENROLMENT)
    tracks.open("a", snapshot)
    return tracks
