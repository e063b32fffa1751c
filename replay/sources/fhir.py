"""Read FHIR R4 Observations of heart and respiratory rate: NDJSON, a Bundle, or one Observation."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.samples import Samples, sampled_recording
from replay.sources.source import Reading, Source, read_each
from replay.sources.tables.times import parsed_time

LOINC: Final = "http://loinc.org"
CHANNELS: Final = {"8867-4": 0, "9279-1": 1, "8889-8": 2}
"""LOINC code -> heart rate, respiratory rate, heart rate by pulse oximetry (a pulse)."""
PER_MINUTE: Final = frozenset({
    "", "/min", "1/min", "/minute", "per minute", "min-1", "bpm", "beats/min", "beats/minute", "{beats}/min", "{beat}/min",
    "beats per minute", "breaths/min", "breaths/minute", "{breaths}/min", "{breath}/min", "breaths per minute", "rpm",
    "resp/min", "{resp}/min", "{counts}/min", "{count}/min",
})  # fmt: skip
NOT_MEASURED: Final = frozenset({"entered-in-error", "cancelled"})
LARGEST_BUNDLE_BYTES: Final = 256 << 20
LONGEST_LINE_BYTES: Final = 16 << 20
Json = Mapping[str, Any]


Rows = tuple[list[tuple[float, float]], ...]
"""The samples of one device: per channel (seconds since 1970, value per minute)."""


def read_fhir(path: Path) -> Reading:
    """Return one recording a device, or a subject where the Observations name no device, in the order of their first one.

    Observations are told by LOINC (see CHANNELS), in `code` or in a `component`; others are left out. Those that are
    cancelled or entered in error, have a reason for absent data or a comparator, are missing. The time is effectiveDateTime,
    effectiveInstant or the start of effectivePeriod; the unit is per minute. Raises Misconfigured, naming file and line (of
    a Bundle: entry), for what is wanted and cannot be read.
    """
    devices: defaultdict[str, Rows] = defaultdict(lambda: ([], [], []))
    for where, resource in _resources(path):
        _add(devices, where, resource)
    if not devices:
        raise Misconfigured(f"{path} has no Observation of heart or respiratory rate (LOINC 8867-4, 9279-1)")
    return read_each(_readers(path, devices))


def _readers(path: Path, devices: Mapping[str, Rows]) -> Iterator[tuple[str, partial[Recording]]]:
    for given, rows in devices.items():
        name = f"{path}, device {given}"
        heart, breath, pulse = (Samples(*np.array(samples, np.float64).reshape(-1, 2).T) for samples in rows)
        pulses = pulse if rows[2] else None
        yield name, partial(sampled_recording, name, given, heart, breath, pulses, origin=f"FHIR {path.name}")


def _resources(path: Path) -> Iterator[tuple[str, Json]]:
    """Yield (place, resource) of every Observation of the file."""
    for where, value in _lines(path) if ".ndjson" in path.name.lower() else [(str(path), _whole(path))]:
        yield from _observations(where, value)


def _observations(where: str, value: Any) -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        entries = [(f"{where}, item {index}", each) for index, each in enumerate(value, 1)]
    elif _map(value).get("resourceType") == "Bundle":
        items = _list(_map(value).get("entry"))
        entries = [(f"{where}, entry {index}", _map(each).get("resource")) for index, each in enumerate(items, 1)]
    else:
        entries = [(where, value)]
    for place, resource in entries:
        if _map(resource).get("resourceType") == "Observation":
            yield place, resource


def _add(devices: defaultdict[str, Rows], where: str, observation: Json) -> None:
    parts = [observation, *map(_map, _list(observation.get("component")))]
    wanted = [(channel, part) for part in parts if (channel := _channel(part)) is not None]
    if not wanted or str(observation.get("status")) in NOT_MEASURED:
        return
    at_s = _time(where, observation)
    given = _device(where, observation)
    for channel, part in wanted:
        devices[given][channel].append((at_s, _rate(where, part)))


def _channel(part: Json) -> int | None:
    codings = map(_map, _list(_map(part.get("code")).get("coding")))
    codes = (coding.get("code") for coding in codings if coding.get("system") == LOINC)
    return next((CHANNELS[code] for code in codes if isinstance(code, str) and code in CHANNELS), None)


def _time(where: str, observation: Json) -> float:
    period = _map(observation.get("effectivePeriod"))
    text = observation.get("effectiveDateTime") or observation.get("effectiveInstant") or period.get("start")
    if not isinstance(text, str):
        raise Misconfigured(f"{where}: no effectiveDateTime and no start of an effectivePeriod, so no minute")
    return parsed_time(f"{where}, effective time", text)


def _device(where: str, observation: Json) -> str:
    for key in ("device", "subject"):
        reference = _map(observation.get(key))
        identifier = _map(reference.get("identifier")).get("value")
        for name in (reference.get("reference"), identifier):
            if isinstance(name, str) and (last := name.rstrip("/").rpartition("/")[2].removeprefix("urn:uuid:")):
                return last
    raise Misconfigured(f"{where}: no reference to a device or a subject, so nobody knows whose rate it is")


def _rate(where: str, part: Json) -> float:
    """The value per minute, NaN = missing."""
    quantity = part.get("valueQuantity")
    if quantity is None and isinstance(part.get("valueInteger"), int):
        return _finite(where, "valueInteger", part["valueInteger"])
    value = _map(quantity).get("value")
    if part.get("dataAbsentReason") is not None or value is None or _map(quantity).get("comparator"):
        if quantity is None and any(key.startswith("value") for key in part):
            raise Misconfigured(f"{where}: the rate is no valueQuantity")
        return np.nan
    rate = _finite(where, "valueQuantity", value)
    units = [str(unit).strip().lower() for unit in (_map(quantity).get("code"), _map(quantity).get("unit")) if unit]
    if units and not PER_MINUTE.intersection(units):
        raise Misconfigured(f"{where}: its unit {units[0]!r} is not per minute (UCUM /min)")
    return rate


def _finite(where: str, key: str, value: Any) -> float:
    """Return a value as a float. JSON's whole numbers may be too long for one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise Misconfigured(f"{where}: the value of its {key} is not a number")
    return float(value)


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    with _opened(path) as file:
        for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE_BYTES + 1), b""), 1):
            where = f"{path}, line {number}"
            if len(line) > LONGEST_LINE_BYTES:
                raise Misconfigured(
                    f"{where} is longer than {LONGEST_LINE_BYTES >> 20} MB; NDJSON has a resource a line"
                )
            if line.strip():
                yield where, _decoded(where, line)


def _whole(path: Path) -> Any:
    with _opened(path) as file:
        data = file.read(LARGEST_BUNDLE_BYTES + 1)
    if len(data) > LARGEST_BUNDLE_BYTES:
        raise Misconfigured(f"{path} is larger than {LARGEST_BUNDLE_BYTES >> 20} MB; export it as NDJSON")
    return _decoded(str(path), data)


def _decoded(where: str, data: bytes) -> Any:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(f"{where} is not JSON: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from None


def _map(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


SOURCE = Source(
    "FHIR R4 Observations",
    "NDJSON, or a Bundle, of LOINC 8867-4 and 9279-1",
    read_fhir,
    suffixes=(".ndjson", ".json"),
)
