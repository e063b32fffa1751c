"""Results of finished stages on disk, so that an interrupted training goes on where it stopped. Arrays only, no pickles."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A folder of stages. `key` names everything that a stage depends on, so that another seed or effort starts anew."""

    folder: Path
    key: str

    def stage(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Return a stage's arrays: from disk if it is finished, else made now and kept."""
        if self.has(name):
            return self.kept(name)
        arrays = make()
        self.keep(name, arrays)
        return arrays

    def has(self, name: str) -> bool:
        """Return whether a stage is finished. A file that was cut off is none."""
        return zipfile.is_zipfile(self._path(name))

    def kept(self, name: str) -> Arrays:
        """Return a finished stage's arrays. Raises OSError unless it is finished, Misconfigured when its file is damaged."""
        path = self._path(name)
        try:
            with np.load(path, allow_pickle=False) as kept:
                return {key: kept[key] for key in kept.files}
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise Misconfigured(
                f"{path} is damaged ({type(error).__name__}): remove it and run the same command again, which makes it anew"
            ) from None

    def keep(self, name: str, arrays: Arrays) -> None:
        """Put a finished stage's arrays on disk, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        partial.replace(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}-{hashlib.sha256(self.key.encode()).hexdigest()[:12]}.npz"
