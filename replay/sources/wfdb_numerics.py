"""Read WFDB numerics records (MIMIC): one value a minute, or minute averages of one a second; zero means missing."""

from __future__ import annotations

import warnings
from datetime import UTC
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from contracts.identifiers import check_device_id
from replay.recording import Recording, Vitals
from replay.sources.averages import AVERAGES_GRID_BPM, minute_averages
from replay.sources.grid import detect_resolution_bpm
from replay.sources.usable import Unusable, check_length

SAMPLES_PER_MINUTE_TOLERANCE = 1e-3
FASTEST_PER_MINUTE = 120  # numerics come every second or minute, waveforms a hundred times a second


def read_wfdb_numerics(path: Path) -> Recording:
    """Return the record's HR, RESP and (if there) PULSE; `path` is its header file or its name without `.hea`.

    The device id is the subject's part of the record name in lower case. Event time starts at the header's base time,
    seconds cut off. A record with a value about every second becomes minute averages (see `minute_averages`). Reads
    files. Raises Misconfigured, naming the record, for anything else than numerics of at least two minutes with HR and RESP.
    """
    name = str(path.with_suffix("") if path.suffix == ".hea" else path)
    record = _read(name)
    per_minute = 60 * record.fs
    _check(name, record, per_minute)
    heart, breath = _channel(record, "HR"), _channel(record, "RESP")
    pulse = _channel(record, "PULSE") if "PULSE" in record.sig_name else None
    grid_bpm = _resolution_bpm(record, heart, breath)
    if per_minute > 1 + SAMPLES_PER_MINUTE_TOLERANCE:
        heart, breath = minute_averages(heart, per_minute), minute_averages(breath, per_minute)
        pulse = None if pulse is None else minute_averages(pulse, per_minute)
        grid_bpm = AVERAGES_GRID_BPM
    return Recording(
        device_id=check_device_id(Path(name).name.split("-")[0].lower()),
        first_event_minute=to_event_minute(record.base_datetime.replace(tzinfo=UTC)),
        heart_rate_bpm=heart,
        resp_rate_bpm=breath,
        pulse_bpm=pulse,
        resolution_bpm=grid_bpm,
        origin=f"WFDB record {Path(name).name}",
    )


def load_wfdb() -> ModuleType:
    """Import wfdb when first needed: it takes a second, and its import meets a deprecation of pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("wfdb")


def _read(name: str) -> Any:
    if not Path(f"{name}.hea").is_file():
        raise Misconfigured(f"there is no WFDB header {name}.hea")
    wfdb = load_wfdb()
    try:
        header = wfdb.rdheader(name)
        check_length(name, int((header.sig_len or 0) / (60 * header.fs)))
        return wfdb.rdrecord(name)
    except FileNotFoundError as error:
        raise Unusable(name, f"its signal file is not beside it: {error.filename}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError, OSError) as error:
        raise Unusable(name, f"not a readable WFDB record: {error}") from None


def _check(name: str, record: Any, per_minute: float) -> None:
    signals = tuple(record.sig_name or ())
    lacking = [signal for signal in ("HR", "RESP") if signal not in signals]
    if lacking:
        raise Unusable(name, f"no {' and no '.join(lacking)}; its signals: {', '.join(signals) or 'none'}")
    if not 1 - SAMPLES_PER_MINUTE_TOLERANCE <= per_minute <= FASTEST_PER_MINUTE:
        raise Unusable(name, f"{per_minute:g} values a minute; numerics have one a minute or one a second")
    minutes = int(record.sig_len / per_minute + SAMPLES_PER_MINUTE_TOLERANCE)
    if minutes < 2:
        raise Unusable(name, f"{minutes} minute long; at least 2 are needed")
    if record.base_datetime is None:
        raise Unusable(name, "no base date and time in its header, so its minutes have no event time")


def _channel(record: Any, signal: str) -> Vitals:
    values = np.asarray(record.p_signal[:, record.sig_name.index(signal)], dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def _resolution_bpm(record: Any, *channels: Vitals) -> float:
    """The grid of the HR signal's gain, or whole numbers when a finer gain holds only those."""
    gain = float(record.adc_gain[record.sig_name.index("HR")])
    return max(round(1.0 / gain, 6), detect_resolution_bpm(*channels))
