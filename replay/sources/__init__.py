"""Where recordings come from: a format a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.formats import read_path
from replay.sources.minutes.usable import Unusable
from replay.sources.source import Reading, describe_skipped, merged

__all__ = ["Known", "check_device", "check_usable", "read_recordings", "read_sources", "say_skipped"]

log = logging.getLogger(__name__)  # its warnings reach people also where no program has set up logs


def read_recordings(paths: Sequence[Path]) -> list[Recording]:
    """Return every usable recording of the files and folders in their order. What is skipped is logged as one warning.

    Reads files. Raises Misconfigured for an unknown format, a wrong file, a path without any usable recording, or a
    device that two paths hold.
    """
    reading = read_sources(paths)
    say_skipped(reading.skipped, reading.found)
    return list(reading.recordings)


def read_sources(paths: Sequence[Path]) -> Reading:
    """Return the same recordings together with those that cannot be used."""
    reading = merged(_read(path) for path in paths)
    seen: dict[str, Known] = {}
    for recording in reading.recordings:
        check_device(seen, recording)
    return reading


def say_skipped(skipped: Sequence[Unusable], found: int) -> None:
    """Log in one warning what of all that was found is skipped, if anything is."""
    if skipped:
        log.warning("skipped %d of %d recordings: %s", len(skipped), found, describe_skipped(skipped))


def check_usable(path: Path, usable: int, skipped: Sequence[Unusable]) -> None:
    """Raise Misconfigured for a path without any usable recording."""
    if usable:
        return
    if len(skipped) == 1:
        raise skipped[0]
    raise Misconfigured(f"{path} has no usable recording among {len(skipped)}: {describe_skipped(skipped)}")


class Known(Protocol):
    """What tells one recording from another: see `Recording`."""

    @property
    def device_id(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def origin(self) -> str: ...


def check_device(seen: dict[str, Known], recording: Known) -> None:
    """Put a recording beside those that were seen, or raise Misconfigured for a device that one of them holds."""
    other = seen.setdefault(recording.device_id, recording)
    if other is not recording:
        names = " and ".join(repr(each.label) for each in (other, recording) if each.label)
        raise Misconfigured(
            f"the device {recording.device_id} is in two files: {other.origin} and {recording.origin}; "
            + (f"{names} would both be this device: give one another name" if names else "read one of them")
            + ", or put its parts into one folder and name that"
        )


def _read(path: Path) -> Reading:
    reading = read_path(path)
    check_usable(path, len(reading.recordings), reading.skipped)
    return reading
