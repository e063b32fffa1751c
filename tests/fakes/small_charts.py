"""Charts and numerics of synthetic patients in the forms of MIMIC-III, the CinC Challenge 2012 and BIDMC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import numpy as np

from contracts.event_time import from_event_minute
from replay.recording import Recording

CHARTEVENTS_HEADER = (
    "ROW_ID,SUBJECT_ID,HADM_ID,ICUSTAY_ID,ITEMID,CHARTTIME,STORETIME,CGID,VALUE,VALUENUM,VALUEUOM,WARNING,ERROR,"
    "RESULTSTATUS,STOPPED\n"
)
HEART_ITEM, BREATH_ITEM, SET_RATE_ITEM, SATURATION_ITEM = 211, 618, 619, 646


def charted_values(recording: Recording, every_min: int = 60) -> list[tuple[int, int, int]]:
    """Return (minute of the stay, heart rate, respiratory rate) as whole numbers, where both are there."""
    minutes = range(0, recording.minutes, every_min)
    values = [(at, recording.heart_rate_bpm[at], recording.resp_rate_bpm[at]) for at in minutes]
    return [(at, round(heart), round(breath)) for at, heart, breath in values if np.isfinite(heart + breath)]


def write_chartevents(path: Path, stays: Iterable[tuple[int, Recording]], every_min: int = 60) -> Path:
    """Write a CHARTEVENTS of (subject, recording), among rows of other items; minutes in between are not charted."""
    rows = [CHARTEVENTS_HEADER]
    for subject, recording in stays:
        start = from_event_minute(recording.first_event_minute)
        for at, heart, breath in charted_values(recording, every_min):
            time = f"{start + timedelta(minutes=at):%Y-%m-%d %H:%M:%S}"
            items = ((HEART_ITEM, heart), (BREATH_ITEM, breath), (SET_RATE_ITEM, 12), (SATURATION_ITEM, 97))
            rows += [f"1,{subject},2,3,{item},{time},{time},4,{value},{value}.0,BPM,,,,\n" for item, value in items]
    path.write_text("".join(rows))
    return path


def write_cinc2012(path: Path, recording: Recording, every_min: int = 60) -> Path:
    """Write a stay of the CinC Challenge 2012; its number is the file's name."""
    rows = ["Time,Parameter,Value", f"00:00,RecordID,{path.stem}", "00:00,Age,60"]
    for at, heart, breath in charted_values(recording, every_min):
        time = f"{at // 60:02d}:{at % 60:02d}"
        rows += [f"{time},HR,{heart}", f"{time},RespRate,{breath}", f"{time},SaO2,97"]
    path.write_text("\n".join(rows) + "\n")
    return path


def write_bidmc(path: Path, recording: Recording) -> Path:
    """Write BIDMC numerics: a whole number a second, each minute of the recording as sixty; NaN where it has none."""
    rows = ["Time [s], HR, PULSE, RESP, SpO2"]
    heart, breath = (np.repeat(values, 60) for values in (recording.heart_rate_bpm, recording.resp_rate_bpm))
    for second, (beats, breaths) in enumerate(zip(heart, breath, strict=True)):
        cells = ["NaN" if np.isnan(value) else f"{value:.0f}" for value in (beats, beats, breaths)]
        rows.append(f"{second},{','.join(cells)},97")
    path.write_text("\n".join(rows) + "\n")
    return path
