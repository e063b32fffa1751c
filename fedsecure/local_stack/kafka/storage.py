"""What says that a broker's storage is formatted. Storage that was used is never formatted again: its records are acknowledged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from transport.atomic_write import write_temporary

_PARTITION: Final = re.compile(r"(?!__cluster_metadata-).+-\d+")
_CLUSTER_ID: Final = re.compile(r"^cluster\.id=(\S+)$", re.MULTILINE)


def is_formatted(folder: Path) -> bool:
    """Return whether a broker's folder is ready. A marker that is gone is made again where partitions lie already."""
    if _marker(folder).exists():
        return True
    data = folder / "data"
    if not data.is_dir() or not any(_PARTITION.fullmatch(path.name) for path in data.iterdir()):
        return False  # a format that was interrupted is done again
    mark_formatted(folder, cluster_id_of(folder) or "")
    return True


def mark_formatted(folder: Path, cluster_id: str) -> None:
    """Say that the storage is formatted, as the last step. Raises OSError, and then nothing is said."""
    write_temporary(folder, f"{cluster_id}\n".encode(), prefix=".formatted-").replace(_marker(folder))


def cluster_id_of(folder: Path) -> str | None:
    """Return the id of the cluster that a folder was formatted for, None if it was not or nothing tells."""
    marker = _marker(folder)
    named = marker.read_text(errors="replace").strip() if marker.exists() else ""
    properties = folder / "data" / "meta.properties"
    if not named and properties.is_file() and (found := _CLUSTER_ID.search(properties.read_text(errors="replace"))):
        named = found[1]
    return named or None


def _marker(folder: Path) -> Path:
    return folder / "formatted"
