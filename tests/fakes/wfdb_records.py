"""WFDB numerics records of synthetic patients, written as PhysioNet lays them out."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from contracts.event_time import from_event_minute, to_event_minute
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

FIRST, SECOND = "p00/p000020/p000020-2183-04-28-17-47n", "s00/s00001/s00001-2896-10-10-00-31n"
FIRST_SIGNALS, SECOND_SIGNALS = "p00/p000020/3544749n.dat", "s00/s00001/3975656n.dat"
FILES = {FIRST: [f"{FIRST}.hea", FIRST_SIGNALS], SECOND: [f"{SECOND}.hea", SECOND_SIGNALS]}
UNITS = {"HR": "bpm", "RESP": "pm", "PULSE": "bpm"}
PER_MINUTE_HZ = 1 / 60


def stays() -> tuple[Recording, Recording]:
    """Two synthetic patients on tenths that are called and as long as real numerics records, with minutes missing."""
    return (
        _stay("p000020", 0, 1315, "2183-04-28T17:47:00+00:00"),
        _stay("s00001", 1, 1936, "2896-10-10T00:31:00+00:00"),
    )


def _stay(device_id: str, index: int, minutes: int, start: str) -> Recording:
    first = to_event_minute(datetime.fromisoformat(start))
    made = synthetic_recording(20, index, minutes, first_event_minute=first, resolution_bpm=0.1)
    breath = made.resp_rate_bpm.copy()
    breath[100:130] = np.nan
    return replace(made, device_id=device_id, resp_rate_bpm=breath)


def write_record(
    header: Path, recording: Recording, *, signals: str | None = None, gain: float = 10.0, **changes: Any
) -> Path:
    """Write a record of a value a minute (`<name>.hea` and its signal file) and return its header.

    Zero is missing, as in MIMIC's numerics. `changes` replace fields of `wfdb.Record`.
    """
    wfdb = _wfdb()
    start = from_event_minute(recording.first_event_minute)
    names = {"heart_rate_bpm": "HR", "resp_rate_bpm": "RESP", "pulse_bpm": "PULSE"}
    channels = {names[field]: values for field, values in recording.channels().items()}
    digital = np.column_stack([np.rint(np.nan_to_num(values) * gain) for values in channels.values()]).astype(int)
    count = len(channels)
    fields: dict[str, Any] = {
        "record_name": header.stem, "n_sig": count, "fs": PER_MINUTE_HZ, "counter_freq": 125, "sig_len": len(digital),
        "base_time": start.time(), "base_date": start.date(), "d_signal": digital, "fmt": ["16"] * count,
        "adc_gain": [gain] * count, "baseline": [0] * count, "sig_name": list(channels),
        "units": [UNITS[name] for name in channels], "file_name": [signals or f"{header.stem}.dat"] * count,
    }  # fmt: skip
    record = wfdb.Record(**fields | changes)
    record.set_d_features()
    record.set_defaults()
    header.parent.mkdir(parents=True, exist_ok=True)
    record.wrsamp(write_dir=str(header.parent))
    return header


def write_database(root: Path) -> Path:
    """Write the two stays below `root`, with the lists that a server of PhysioNet has, and return `root`."""
    for (name, files), stay in zip(FILES.items(), stays(), strict=True):
        write_record(root / f"{name}.hea", stay, signals=PurePosixPath(files[1]).name)
    (root / "RECORDS-numerics").write_text("".join(f"{name}\n" for name in FILES))
    files = [file for of_record in FILES.values() for file in of_record]
    (root / "SHA256SUMS.txt").write_text("".join(f"{sha256_of(root / file)} {file}\n" for file in files))
    return root


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _wfdb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("wfdb")
