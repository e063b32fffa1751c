"""Read WFDB numerics records (MIMIC): a value a minute as it is, or minute averages of what comes more often."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import UTC
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from contracts.identifiers import device_id_of, label_of
from replay.recording import Recording, Vitals
from replay.sources.minutes.averages import AVERAGES_GRID_BPM, minute_averages, on_own_grid
from replay.sources.minutes.usable import HEART_LIMITS, RESP_LIMITS, Unusable, check_length
from replay.sources.source import Reading, Source, each_read, merged, numbered, read_one

RECORD_LIST: Final = "RECORDS-numerics"
SAMPLES_PER_MINUTE_TOLERANCE: Final = 1e-3
FASTEST_PER_MINUTE: Final = 120  # numerics come every second or minute, waveforms a hundred times a second
HEART, BREATH, PULSE = ("HR",), ("RESP", "RR"), ("PULSE",)
LONGEST_HEADER: Final = 1 << 20
FIRST_TIME_FIELD: Final = 4  # name, signals, frequency, length, then base time and base date
BASE_TIME: Final = re.compile(r"(\d{1,2}:){0,2}\d{1,2}(\.\d+)?")
BASE_DATE: Final = re.compile(r"\d{1,2}/\d{1,2}/\d{4}")
NO_GAIN: Final = re.compile(r"[+-]?0*\.?0*(e[+-]?\d+)?([(/]|$)", re.IGNORECASE)
GAIN_FIELD: Final = 2
LIBRARY_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, RuntimeError, NameError, AssertionError, MemoryError)  # fmt: skip
"""What wfdb raises for a header or signal that is none: it reads them without checks of its own."""


def read_wfdb(path: Path) -> Reading:
    """Return the record of a header (`.hea`, or its name without it), or those that a RECORDS-numerics lists.

    A subject's second record is device `<subject>-2`. Raises Misconfigured for a list that is empty or cannot be read.
    """
    return merged(each_wfdb(path))


def each_wfdb(path: Path) -> Iterator[Reading]:
    """Yield the same, a record at a time."""
    if path.name != RECORD_LIST:
        yield read_one(path, lambda: read_wfdb_numerics(path))
        return
    if not (names := listed_records(path)):
        raise Misconfigured(f"{path} is empty; it lists a record a line, as in p00/p000020/p000020-2183n")
    yield from numbered(each_read((str(path.parent / name), partial(_listed, path.parent / name)) for name in names))


def listed_records(record_list: Path) -> list[str]:
    """Return the records of a RECORDS-numerics, relative to its folder. Raises Misconfigured if it cannot be read."""
    try:
        return record_list.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{record_list} cannot be read: {error}") from None


def _listed(path: Path) -> Recording:
    if not Path(f"{path}.hea").is_file():
        raise Unusable(str(path), "listed, but its header is not there")
    return read_wfdb_numerics(Path(f"{path}.hea"))


def read_wfdb_numerics(path: Path) -> Recording:
    """Return the record's HR, RESP (or RR) and, if there, PULSE. `path` is its header file or its name without `.hea`.

    The device id is the subject (see `subject_of`). Event time starts at the header's base time, seconds cut off. Values
    of one a minute stay as they are, zero and below are missing. Signals with more, be it by the sampling frequency or by
    several samples a frame, become minute averages of the values that a patient may have (see `minute_averages`). Reads
    files. Raises Misconfigured, naming the record, for anything else than numerics of at least two minutes with HR and RESP.
    """
    name = str(path.with_suffix("") if path.suffix == ".hea" else path)
    record, wanted = _read(name)
    heart, breath, *pulse = (_minutes(record, index, limits) for index, limits in wanted)
    minutes = min(len(values) for values, _ in (heart, breath, *pulse))
    given = subject_of(Path(name).name)
    device_id = device_id_of(given)
    return Recording(
        device_id=device_id,
        first_event_minute=to_event_minute(record.base_datetime.replace(tzinfo=UTC)),
        heart_rate_bpm=heart[0][:minutes],
        resp_rate_bpm=breath[0][:minutes],
        pulse_bpm=pulse[0][0][:minutes] if pulse else None,
        resolution_bpm=heart[1],
        resp_resolution_bpm=breath[1],
        origin=f"WFDB record {Path(name).name}",
        label=label_of(given, device_id),
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


def _read(name: str) -> tuple[Any, list[tuple[int, tuple[float, float]]]]:
    """Return the record with its wanted signals alone, and each one's place in it with its limits."""
    if not Path(f"{name}.hea").is_file():
        raise Misconfigured(f"there is no WFDB header {name}.hea")
    _check_header(name, Path(f"{name}.hea"))
    wfdb = load_wfdb()
    whole = str(Path(name).absolute())  # a signal file's name in a header is never taken for an address
    try:
        header = wfdb.rdheader(whole)
        wanted = _wanted(name, header)
        channels = [index for index, _ in wanted]
        record = wfdb.rdrecord(
            whole, channels=channels, smooth_frames=False
        )  # it would average a frame's samples, zeros included
    except FileNotFoundError as error:
        raise Unusable(name, f"its signal file is not beside it: {error.filename}") from None
    except LIBRARY_ERRORS as error:
        raise Unusable(name, f"not a readable WFDB record: {error}") from None
    return record, [(place, limits) for place, (_, limits) in enumerate(wanted)]


def _check_header(name: str, path: Path) -> None:
    """Refuse what wfdb reads over: raise Unusable under `name` for a base time or date that is not WFDB's, or a heart or respiratory rate without a gain."""
    with path.open(encoding="latin-1") as file:
        text = file.read(LONGEST_HEADER)
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise Unusable(name, "its header is empty")
    _check_base(name, lines[0][FIRST_TIME_FIELD:])
    for fields in lines[1:]:
        wanted = fields[-1].upper() in {"HR", "RESP", "RR"}
        if wanted and (len(fields) <= GAIN_FIELD or NO_GAIN.match(fields[GAIN_FIELD])):
            raise Unusable(
                name, f"its signal {fields[-1]} has a gain of 0, so it was never calibrated and its units are unknown; "
                "write the gain into the header (1 where the file holds rates per minute)",
            )  # fmt: skip


def _check_base(name: str, fields: list[str]) -> None:
    """A header without base time and date is complained of elsewhere."""
    forms = zip(fields, (BASE_TIME, BASE_DATE), strict=False)
    if len(fields) > 2 or not all(form.fullmatch(field) for field, form in forms):
        said = " ".join(fields)
        raise Unusable(
            name,
            f"its base time and date, {said!r}, cannot be read; WFDB writes 10:30:00 01/02/2150 (day, month, year)",
        )


def _wanted(name: str, header: Any) -> list[tuple[int, tuple[float, float]]]:
    """Return the wanted signals' indices in the header with their limits, or raise Unusable for what cannot be streamed."""
    signals = [str(signal).strip().upper() for signal in header.sig_name or ()]
    limits = ((HEART, HEART_LIMITS), (BREATH, RESP_LIMITS), (PULSE, HEART_LIMITS))
    indices = [(next((signals.index(name) for name in names if name in signals), None), each) for names, each in limits]
    lacking = [names[0] for (index, _), names in zip(indices, (HEART, BREATH), strict=False) if index is None]
    if lacking:
        raise Unusable(
            name, f"no {' and no '.join(lacking)}; its signals: {', '.join(header.sig_name or ()) or 'none'}"
        )
    wanted = [(index, each) for index, each in indices if index is not None]
    for index, _ in wanted:
        per_minute = _per_minute(header, index)
        if not 1 - SAMPLES_PER_MINUTE_TOLERANCE <= per_minute <= FASTEST_PER_MINUTE:
            raise Unusable(name, f"{per_minute:g} values a minute; numerics have one a minute or one a second")
    minutes = int((header.sig_len or 0) / (60 * header.fs) + SAMPLES_PER_MINUTE_TOLERANCE)
    if minutes < 2:
        raise Unusable(name, f"{minutes} minute long; at least 2 are needed")
    check_length(name, minutes)
    if header.base_datetime is None:
        raise Unusable(name, "no base date and time in its header, so its minutes have no event time")
    return wanted


def _per_minute(record: Any, index: int) -> float:
    """The record's sampling frequency is that of its frames. A frame may hold several samples of a signal."""
    return float(60 * record.fs * record.samps_per_frame[index])


def _minutes(record: Any, index: int, limits: tuple[float, float]) -> tuple[Vitals, float]:
    """A signal's minutes, NaN = missing, and its grid: that of its gain, or the coarser one on which all its values lie."""
    values = np.asarray(record.e_p_signal[index], dtype=np.float64)
    per_minute = _per_minute(record, index)
    if per_minute > 1 + SAMPLES_PER_MINUTE_TOLERANCE:
        return minute_averages(values, per_minute, limits), AVERAGES_GRID_BPM
    kept, grid_bpm = on_own_grid(np.where(values > 0, values, np.nan))
    return kept, max(round(1.0 / abs(float(record.adc_gain[index])), 6), grid_bpm)


SOURCE = Source(
    "WFDB numerics",
    f"a record's header or name, or a folder with {RECORD_LIST}",
    read_wfdb,
    suffixes=(".hea", ""),
    folder=RECORD_LIST.lower(),
    each=each_wfdb,
)
