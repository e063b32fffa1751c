"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import Misconfigured


def check_target(out: Path) -> None:
    """Raise Misconfigured unless the folder is still to be made or empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Misconfigured(f"{out} exists and is not an empty folder; choose another --out")


@contextmanager
def folder_that_appears_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place at the end, or vanishes with an error or Ctrl-C."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.replace(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
