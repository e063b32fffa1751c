"""Read numerics of the MIMIC-IV Waveform Database: sparse rows, a value holding until the next, for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.event_time import EPOCH
from replay.recording import Recording, Vitals
from replay.sources.minutes.samples import Samples, sampled_recording
from replay.sources.minutes.usable import Unusable, check_length
from replay.sources.source import Reading, Source, read_one
from replay.sources.tables.cells import number
from replay.sources.tables.sampled_table import first_match
from replay.sources.tables.text_table import TextTable, opened_table
from replay.sources.tables.times import checked_seconds

HEART: Final = (r"hr \[bpm\]",)
BREATH: Final = (r"rr \[rpm\]", r"resp \[rpm\]")
PULSE: Final = (r"pulse \(spo2\) \[bpm\]", r"pulse \[bpm\]", r"pulse .*\[bpm\]")
HELD_S: Final = 60
"""So long a value stands for the seconds after it. A monitor that measures writes at least about once a minute."""
SUBJECT: Final = re.compile(r"subject[_ ]?id\D{0,3}(\d+)|^p(\d{8})$", re.IGNORECASE | re.MULTILINE)
FREQUENCY: Final = re.compile(r"[\d.]+/([\d.]+)(?:\((-?[\d.]+)\))?")
HEADER_SAID: Final = "the master header says how many ticks a second its times count, and when it began"


@dataclass(frozen=True, slots=True)
class Clock:
    """How a record counts time: `start_s` (seconds since 1970) is when its counter stood at `start_tick`."""

    ticks_per_s: float
    start_tick: float
    start_s: float

    def seconds(self, ticks: float) -> float:
        """Return seconds since 1970."""
        return self.start_s + (ticks - self.start_tick) / self.ticks_per_s


def read_mimic4_numerics(path: Path) -> Reading:
    """Return the recording of a `RECORDn.csv.gz`, whose master header `RECORD.hea` lies beside it.

    Columns `time` (counter ticks), `HR [bpm]`, `RR [rpm]` or `RESP [rpm]` and a pulse. A value holds for HELD_S seconds or
    until the next; a minute is the mean over its seconds that hold a valid one, if these are half of it. The device id is
    the subject, `p10014354`. Raises Misconfigured naming file, line and column.
    """
    return read_one(path, lambda: _recording(path))


def _recording(path: Path) -> Recording:
    record = path.name.partition(".")[0].removesuffix("n")
    header = path.with_name(f"{record}.hea")
    try:
        text = header.read_text(encoding="latin-1")
    except OSError:
        raise Unusable(str(path), f"its header {header.name} is not beside it; {HEADER_SAID}") from None
    clock = _clock(header, text)
    with opened_table(path) as table:
        names = frozenset(table.columns)
        columns = [first_match(names, patterns) for patterns in (HEART, BREATH, PULSE)]
        if columns[0] is None or columns[1] is None:
            raise Unusable(str(path), "no HR [bpm] or no RR [rpm] or RESP [rpm]; both rates are needed")
        table.check_once(["time", *filter(None, columns)])
        at_s, rates = _rows(table, clock, [name for name in columns if name is not None])
    heart, breath, *pulse = (_held(str(path), at_s, values) for values in rates)
    origin = f"MIMIC-IV waveform numerics {record}"
    return sampled_recording(str(path), _subject(path, text, record), heart, breath, *pulse, origin=origin)


def _clock(header: Path, text: str) -> Clock:
    """The first line: name, signals, `frequency/counter frequency(first tick)`, length, base time, base date."""
    line = next((line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")), [])
    try:
        ticks_per_s, start_tick = _frequency(line[2])
        base = datetime.strptime(f"{line[5]} {line[4].partition('.')[0]}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC)
        fraction = float(f"0.{line[4].partition('.')[2] or 0}")
    except (IndexError, ValueError):
        raise Unusable(str(header), f"not the master header of MIMIC-IV numerics; {HEADER_SAID}") from None
    start_s = checked_seconds(str(header), (base - EPOCH).total_seconds() + fraction, "its base date")
    return Clock(ticks_per_s, start_tick, start_s)


def _frequency(text: str) -> tuple[float, float]:
    """Return the second number, that of the counter in ticks a second (the first is the waveforms'), and its first tick."""
    match = FREQUENCY.fullmatch(text)
    if match is None or not float(match[1]) > 0:
        raise ValueError(text)
    return float(match[1]), float(match[2] or 0)


def _rows(table: TextTable, clock: Clock, columns: list[str]) -> tuple[NDArray[np.float64], list[Vitals]]:
    at_s: list[float] = []
    rates: list[list[float]] = []
    for row in table.rows():
        text = table.text(row, "time")
        place = table.place(row.line, "time")
        try:
            seconds = clock.seconds(number(text))
            values = [number(table.text(row, column)) for column in columns]
        except ValueError:
            raise Misconfigured(f"{place} or a rate beside it is not a number; empty means missing") from None
        at_s.append(checked_seconds(place, seconds, text))
        rates.append(values)
    if not at_s:
        raise Misconfigured(f"{table.path} has no rows below its header")
    return np.asarray(at_s), list(np.asarray(rates).T)


def _held(name: str, at_s: NDArray[np.float64], values: Vitals) -> Samples:
    """Return a sample a second: the last value, if it is no older than HELD_S."""
    order = np.argsort(at_s, kind="stable")
    begun, ended = int(at_s[order[0]] // 60) * 60, int(at_s[order[-1]]) + HELD_S
    check_length(name, (ended - begun) // 60)
    second = np.arange(begun, ended, dtype=np.float64)
    known = order[~np.isnan(values[order])]
    if not len(known):
        return Samples(second, np.full(len(second), np.nan))
    last = np.searchsorted(at_s[known], second, side="right") - 1
    is_fresh = (last >= 0) & (second - at_s[known][np.maximum(last, 0)] < HELD_S)
    return Samples(second, np.where(is_fresh, values[known][np.maximum(last, 0)], np.nan))


def _subject(path: Path, header: str, record: str) -> str:
    """The subject as the header's comment or a folder on the way says it, else the record's own name."""
    comments = "\n".join(line for line in header.splitlines() if line.startswith("#"))
    match = SUBJECT.search(comments) or SUBJECT.search("\n".join(reversed(path.absolute().parts[:-1])))
    return f"p{match[1] or match[2]}" if match else record


SOURCE = Source(
    "MIMIC-IV waveform numerics",
    "RECORDn.csv.gz with time,HR [bpm],RR [rpm] (or RESP [rpm]) among others, RECORD.hea beside it",
    read_mimic4_numerics,
    folder=f"{'[0-9]' * 8}n.csv.gz",
    header=lambda names: "time" in names and any(re.fullmatch(r"(hr|rr|resp) \[(bpm|rpm)\]", name) for name in names),
)
