"""Read VitalDB cases: `.vital` files through the package `vitaldb` (an extra), and its export as CSV."""

from __future__ import annotations

import gzip
import re
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.samples import Samples, sampled_recording
from replay.sources.minutes.usable import Unusable
from replay.sources.source import Reading, Source, read_one
from replay.sources.tables.sampled_table import Layout, read_sampled_table
from replay.sources.tables.times import FIRST_DATED_S, checked_seconds, parsed_time, undated_seconds

HEART: Final = (r"[^/]+/hr", r"[^/]+/ecg_hr")
BREATH: Final = (r"[^/]+/rr", r"[^/]+/(rr_co2|co2_rr)")  # never SET_RR: what a ventilator is set to is no measurement
PULSE: Final = (r"[^/]+/(pleth_hr|pls_rate|pleth_pr)",)
NUMERIC: Final = 2
BLOCK_BYTES: Final = 1 << 20
LIBRARY_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, NameError, MemoryError)  # fmt: skip


def case_seconds(where: str, text: str) -> float:
    """Return seconds since 1970 of a Unix time, an ISO 8601 time with its zone, or seconds since the case's start."""
    is_number = re.fullmatch(r"\d+(\.\d*)?(e\+?\d+)?", text)
    return undated_seconds(where, text, dated_from_s=FIRST_DATED_S) if is_number else parsed_time(where, text)


LAYOUT: Final = Layout(time="time", heart=HEART, breath=BREATH, pulse=PULSE, seconds=case_seconds)


def read_vitaldb(path: Path) -> Reading:
    """Return the file's one recording, its device `vitaldb-` and the file's name.

    Tracks DEVICE/HR, DEVICE/RR (or RR_CO2) and DEVICE/PLETH_HR; of several devices' the one with the most samples (in
    CSV the first by name) counts. Raises Misconfigured for a damaged file, and where the package is missing.
    """
    given = f"vitaldb-{path.name.partition('.')[0]}"
    origin = f"VitalDB {path.name}"
    if path.suffix.lower() == ".vital":
        return read_one(path, lambda: _read_vital(path, given, origin))
    return read_one(path, lambda: read_sampled_table(path, LAYOUT, given, origin))


def _read_vital(path: Path, given: str, origin: str) -> Recording:
    _check_whole(path)
    try:
        vitaldb = import_module("vitaldb")
    except ImportError:
        raise Misconfigured(f"{path}: .vital files need the package vitaldb: install fedsecure[vitaldb]") from None
    try:
        tracks = vitaldb.VitalFile(str(path.absolute())).trks
        channels = [_samples(tracks, patterns) for patterns in (HEART, BREATH, PULSE)]
    except LIBRARY_ERRORS as error:
        raise Unusable(str(path), f"not a readable .vital file: {error}") from None
    heart, breath, pulse = channels
    if heart is None or breath is None:
        names = ", ".join(sorted(tracks)) or "none"
        raise Unusable(
            str(path), f"no track of the {'heart' if heart is None else 'respiratory'} rate; its tracks: {names}"
        )
    for samples in filter(None, channels):
        for at_s in (samples.at_s.min(), samples.at_s.max()):
            checked_seconds(str(path), float(at_s), "a sample's time")
    return sampled_recording(str(path), given, heart, breath, pulse, origin=origin)


def _check_whole(path: Path) -> None:
    """Raise Unusable for a file that was cut or damaged: the package would give what it finds before the damage."""
    try:
        with gzip.open(path) as file:
            if file.read(4) != b"VITA":
                raise Unusable(str(path), "not a .vital file")
            while file.read(BLOCK_BYTES):
                pass
    except FileNotFoundError:
        raise Misconfigured(f"{path} is not there") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unusable(str(path), f"damaged or cut off ({error}); was it downloaded to its end?") from None


def _samples(tracks: dict[str, Any], patterns: tuple[str, ...]) -> Samples | None:
    for pattern in patterns:
        named = [track for name, track in tracks.items() if re.fullmatch(pattern, name.lower())]
        recorded = [track.recs for track in named if track.type == NUMERIC and track.recs]
        if recorded:
            records = max(recorded, key=len)
            at_s, values = (np.array([record[key] for record in records], np.float64) for key in ("dt", "val"))
            return Samples(at_s, np.where(np.isfinite(values), values, np.nan))
    return None


SOURCE = Source(
    "VitalDB",
    "a CSV with Time,DEVICE/HR,DEVICE/RR (or RR_CO2) among others",
    read_vitaldb,
    suffixes=(".vital",),
    header=LAYOUT.fits,
)
