"""Read WFDB numerics records (MIMIC): one value a minute, zero means missing."""

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
from replay.sources.grid import detect_resolution_bpm

SAMPLES_PER_MINUTE_TOLERANCE = 1e-3


def read_wfdb_numerics(path: Path) -> Recording:
    """Return the record's HR, RESP and (if there) PULSE; `path` is its header file or its name without `.hea`.

    The device id is the subject's part of the record name in lower case. Event time starts at the header's base time,
    seconds cut off. Reads files. Raises Misconfigured, naming the record, for anything that is not a one-minute record
    of at least two minutes with HR and RESP.
    """
    name = str(path.with_suffix("") if path.suffix == ".hea" else path)
    record = _read(name)
    _check(name, record)
    heart, breath = _channel(record, "HR"), _channel(record, "RESP")
    return Recording(
        device_id=check_device_id(Path(name).name.split("-")[0].lower()),
        first_event_minute=to_event_minute(record.base_datetime.replace(tzinfo=UTC)),
        heart_rate_bpm=heart,
        resp_rate_bpm=breath,
        pulse_bpm=_channel(record, "PULSE") if "PULSE" in record.sig_name else None,
        resolution_bpm=_resolution_bpm(record, heart, breath),
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
    try:
        return load_wfdb().rdrecord(name)
    except FileNotFoundError as error:
        raise Misconfigured(f"{name}.hea names a signal file that is not beside it: {error.filename}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError) as error:
        raise Misconfigured(f"{name} is not a readable WFDB record: {error}") from None


def _check(name: str, record: Any) -> None:
    signals = tuple(record.sig_name or ())
    lacking = [signal for signal in ("HR", "RESP") if signal not in signals]
    if lacking:
        raise Misconfigured(f"{name} has no {' and no '.join(lacking)}; its signals: {', '.join(signals) or 'none'}")
    if abs(60 * record.fs - 1) > SAMPLES_PER_MINUTE_TOLERANCE:
        raise Misconfigured(f"{name} has {60 * record.fs:g} values a minute; only numerics with one a minute are read")
    if record.sig_len < 2:
        raise Misconfigured(f"{name} is {record.sig_len} minute long; at least 2 are needed")
    if record.base_datetime is None:
        raise Misconfigured(f"{name} has no base date and time in its header, so its minutes have no event time")
    if not (_channel(record, "HR") > 0).any() or not (_channel(record, "RESP") > 0).any():
        raise Misconfigured(f"{name} has no measured HR or no measured RESP: every value is missing")


def _channel(record: Any, signal: str) -> Vitals:
    values = np.asarray(record.p_signal[:, record.sig_name.index(signal)], dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def _resolution_bpm(record: Any, *channels: Vitals) -> float:
    """The grid of the HR signal's gain, or whole numbers when a finer gain holds only those."""
    gain = float(record.adc_gain[record.sig_name.index("HR")])
    return max(round(1.0 / gain, 6), detect_resolution_bpm(*channels))
