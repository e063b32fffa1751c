"""What a study reports to while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how far a stage is: its name, share 0..1 and a few words."""

    def __call__(self, stage: str, share: float, text: str) -> None: ...
