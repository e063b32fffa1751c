"""What a person may choose about the demo, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import Misconfigured

ENROLMENT_MIN = 600
DEFAULT_ONSET_MIN = 840
DEFAULT_DURATION_MIN = 400
RECORDING_MIN = 1315
ROUND_INTERVAL_S = 10.0
ROUND_DEADLINE_S = 8.0
MIN_SYNTHETIC = 2


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One demo; raises Misconfigured when a value makes no sense.

    `screenshots_dir`: where to save pictures of the console's pages; None takes none.
    `offline`: nothing is fetched, synthetic patients take the records' places.
    `speed`: recorded seconds per wall second. `attacks`: as in `fedsecure replay --attack`; empty takes the default ones.
    """

    report_dir: Path
    attacks: tuple[str, ...] = ()
    keep_running: bool = False
    seed: int = 7
    speed: float = 480.0
    synthetic: int = 4
    screenshots_dir: Path | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and 1.0 <= self.speed <= 3600.0):
            raise Misconfigured(
                f"speed {self.speed:g} is out of range: use 1 to 3600 (480 = eight recorded minutes a second)"
            )
        if not MIN_SYNTHETIC <= self.synthetic <= 100:
            raise Misconfigured(
                f"{self.synthetic} synthetic patients: use {MIN_SYNTHETIC} to 100, so that a round keeps its quorum of 3"
            )

    @property
    def pack_min(self) -> int:
        """Minutes per message: about two messages a second of every device."""
        return max(1, round(self.speed / 120.0))

    @property
    def planned_stream_s(self) -> float:
        """Wall time of the replay."""
        return RECORDING_MIN * 60.0 / self.speed
