"""Results of finished stages on disk, so that an interrupted training goes on where it stopped; arrays only, no pickles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """A folder of stages; `key` names everything that a stage depends on, so that another seed or effort starts anew."""

    folder: Path
    key: str

    def stage(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Return a stage's arrays: from disk if it is finished, else made now and kept."""
        path = self.folder / f"{name}-{hashlib.sha256(self.key.encode()).hexdigest()[:12]}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as kept:
                return {key: kept[key] for key in kept.files}
        arrays = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
        return arrays
