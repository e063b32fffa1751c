"""Read WFDB numerics records (MIMIC): a value a minute as it is, or minute averages of what comes more often."""

from __future__ import annotations

import re
import warnings
from datetime import UTC
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from contracts.identifiers import check_device_id
from replay.recording import Recording, Vitals
from replay.sources.averages import AVERAGES_GRID_BPM, minute_averages
from replay.sources.grid import detect_resolution_bpm
from replay.sources.usable import HEART_LIMITS, RESP_LIMITS, Unusable, check_length

SAMPLES_PER_MINUTE_TOLERANCE: Final = 1e-3
FASTEST_PER_MINUTE: Final = 120  # numerics come every second or minute, waveforms a hundred times a second
NEEDED: Final = ("HR", "RESP")
LIMITS: Final = {"HR": HEART_LIMITS, "RESP": RESP_LIMITS, "PULSE": HEART_LIMITS}


def read_wfdb_numerics(path: Path) -> Recording:
    """Return the record's HR, RESP and (if there) PULSE; `path` is its header file or its name without `.hea`.

    The device id is the subject (see `subject_of`). Event time starts at the header's base time, seconds cut off. Values
    of one a minute stay as they are, zero and below are missing. Signals with more, be it by the sampling frequency or by
    several samples a frame, become minute averages of the values that a patient may have (see `minute_averages`). Reads
    files. Raises Misconfigured, naming the record, for anything else than numerics of at least two minutes with HR and RESP.
    """
    name = str(path.with_suffix("") if path.suffix == ".hea" else path)
    record = _read(name)
    _check(name, record)
    channels = {signal: _minutes(record, signal) for signal in LIMITS if signal in record.sig_name}
    minutes = min(map(len, channels.values()))
    heart, breath = (channels[signal][:minutes] for signal in NEEDED)
    averaged = any(_is_averaged(_per_minute(record, signal)) for signal in NEEDED)
    return Recording(
        device_id=check_device_id(subject_of(Path(name).name)),
        first_event_minute=to_event_minute(record.base_datetime.replace(tzinfo=UTC)),
        heart_rate_bpm=heart,
        resp_rate_bpm=breath,
        pulse_bpm=channels["PULSE"][:minutes] if "PULSE" in channels else None,
        resolution_bpm=AVERAGES_GRID_BPM if averaged else _resolution_bpm(record, heart, breath),
        origin=f"WFDB record {Path(name).name}",
    )


def subject_of(record_name: str) -> str:
    """Return the subject's part of a record's name, in lower case and without the `n` that marks numerics.

    >>> subject_of("p000020-2183-04-28-17-47n"), subject_of("a40439n")
    ('p000020', 'a40439')
    """
    return re.sub(r"(?<=\d)n$", "", record_name.split("-", maxsplit=1)[0].lower())


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
        return wfdb.rdrecord(name, smooth_frames=False)  # it would average a frame's samples, zeros included
    except FileNotFoundError as error:
        raise Unusable(name, f"its signal file is not beside it: {error.filename}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError, OSError) as error:
        raise Unusable(name, f"not a readable WFDB record: {error}") from None


def _check(name: str, record: Any) -> None:
    signals = tuple(record.sig_name or ())
    lacking = [signal for signal in NEEDED if signal not in signals]
    if lacking:
        raise Unusable(name, f"no {' and no '.join(lacking)}; its signals: {', '.join(signals) or 'none'}")
    for per_minute in (_per_minute(record, signal) for signal in LIMITS if signal in signals):
        if not 1 - SAMPLES_PER_MINUTE_TOLERANCE <= per_minute <= FASTEST_PER_MINUTE:
            raise Unusable(name, f"{per_minute:g} values a minute; numerics have one a minute or one a second")
    minutes = int(record.sig_len / (60 * record.fs) + SAMPLES_PER_MINUTE_TOLERANCE)
    if minutes < 2:
        raise Unusable(name, f"{minutes} minute long; at least 2 are needed")
    if record.base_datetime is None:
        raise Unusable(name, "no base date and time in its header, so its minutes have no event time")


def _per_minute(record: Any, signal: str) -> float:
    """The record's sampling frequency is that of its frames; a frame may hold several samples of a signal."""
    return float(60 * record.fs * record.samps_per_frame[record.sig_name.index(signal)])


def _is_averaged(per_minute: float) -> bool:
    return per_minute > 1 + SAMPLES_PER_MINUTE_TOLERANCE


def _minutes(record: Any, signal: str) -> Vitals:
    """A signal's minutes, NaN = missing."""
    values = np.asarray(record.e_p_signal[record.sig_name.index(signal)], dtype=np.float64)
    per_minute = _per_minute(record, signal)
    if _is_averaged(per_minute):
        return minute_averages(values, per_minute, LIMITS[signal])
    return np.where(values > 0, values, np.nan)


def _resolution_bpm(record: Any, *channels: Vitals) -> float:
    """The grid of the HR signal's gain, or whole numbers when a finer gain holds only those."""
    gain = float(record.adc_gain[record.sig_name.index("HR")])
    return max(round(1.0 / gain, 6), detect_resolution_bpm(*channels))
