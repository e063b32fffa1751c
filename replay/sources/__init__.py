"""Where recordings come from: a format a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.csv_vitals import read_csv_vitals
from replay.sources.wfdb_numerics import read_wfdb_numerics

__all__ = ["read_recordings"]

FORMATS = ".csv (vital signs), or .hea or no suffix (the header or name of a WFDB numerics record)"


def read_recordings(paths: Sequence[Path]) -> list[Recording]:
    """Return every recording of the files in their order; the suffix picks the format.

    Reads files. Raises Misconfigured for an unknown suffix, a wrong file, or a device that two files hold.
    """
    recordings = [recording for path in paths for recording in _read(path)]
    origins: dict[str, str] = {}
    for recording in recordings:
        if recording.device_id in origins:
            raise Misconfigured(
                f"the device {recording.device_id} is in two files: {origins[recording.device_id]} and {recording.origin}; "
                "read one of them"
            )
        origins[recording.device_id] = recording.origin
    return recordings


def _read(path: Path) -> list[Recording]:
    if path.is_dir():
        raise Misconfigured(f"{path} is a folder; name its files: {FORMATS}")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_csv_vitals(path)
    if suffix in {".hea", ""}:
        return [read_wfdb_numerics(path)]
    hint = " by themselves; name the record's header (.hea)" if suffix == ".dat" else ""
    raise Misconfigured(f"{path}: {suffix} files are not read{hint}; these are: {FORMATS}")
