"""A temporary file that takes what is too much for memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Unavailable


@dataclass(slots=True)
class SpillFile:
    """Arrays one behind the other in a file of a folder, which is made with the first of them. `what` tells people what they are."""

    folder: Path
    what: str
    path: Path | None = None
    _written: int = 0

    def append(self, values: NDArray[Any]) -> int:
        """Write an array and return the byte that it begins at. Raises Unavailable where the folder takes no more."""
        self.path = self.path or self.folder / f"spilled-{uuid4().hex}"
        try:
            with self.path.open("ab") as file:
                file.write(
                    np.ascontiguousarray(values).view(np.uint8).data
                )  # `tofile` says of a full disk only how much it wrote
        except OSError as error:
            raise Unavailable(
                f"{self.folder} cannot hold the {self.what} for the time of reading: {error.strerror or error}; "
                "make room there"
            ) from None
        offset, self._written = self._written, self._written + values.nbytes
        return offset

    def remove(self) -> None:
        """Give the room back. What was written cannot be read any more."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
