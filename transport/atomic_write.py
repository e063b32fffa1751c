"""Writes a file beside its place, to be renamed or linked into it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def write_temporary(folder: Path, data: bytes, *, prefix: str) -> Path:
    """Return a new file of `folder` that holds `data`, on the disk and for its owner alone. Raises OSError and then leaves no file."""
    number, name = tempfile.mkstemp(prefix=prefix, dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, OWNER_ONLY)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(number)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
