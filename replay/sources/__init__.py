"""Where recordings come from: a format a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.formats import read_path
from replay.sources.source import Reading, describe_skipped, merged

__all__ = ["read_recordings", "read_sources"]

log = logging.getLogger(__name__)  # its warnings reach people also where no program has set up logs


def read_recordings(paths: Sequence[Path]) -> list[Recording]:
    """Return every usable recording of the files and folders in their order. What is skipped is logged as one warning.

    Reads files. Raises Misconfigured for an unknown format, a wrong file, a path without any usable recording, or a
    device that two paths hold.
    """
    reading = read_sources(paths)
    if reading.skipped:
        skipped = describe_skipped(reading.skipped)
        log.warning("skipped %d of %d recordings: %s", len(reading.skipped), reading.found, skipped)
    return list(reading.recordings)


def read_sources(paths: Sequence[Path]) -> Reading:
    """Return the same recordings together with those that cannot be used."""
    reading = merged(_read(path) for path in paths)
    _check_devices(reading.recordings)
    return reading


def _read(path: Path) -> Reading:
    reading = read_path(path)
    if not reading.recordings:
        if len(reading.skipped) == 1:
            raise reading.skipped[0]
        raise Misconfigured(
            f"{path} has no usable recording among {reading.found}: {describe_skipped(reading.skipped)}"
        )
    return reading


def _check_devices(recordings: Sequence[Recording]) -> None:
    first: dict[str, Recording] = {}
    for recording in recordings:
        other = first.setdefault(recording.device_id, recording)
        if other is not recording:
            names = " and ".join(repr(each.label) for each in (other, recording) if each.label)
            raise Misconfigured(
                f"the device {recording.device_id} is in two files: {other.origin} and {recording.origin}; "
                + (f"{names} would both be this device: give one another name" if names else "read one of them")
                + ", or put its parts into one folder and name that"
            )
