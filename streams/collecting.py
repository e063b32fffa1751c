"""How seldom a process that judges looks for reference cycles: what a batch makes ends without one."""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 50_000
"""Objects that may be added before the young ones are looked through: those of some batches. Python's 700 are those of a part of one."""


def collect_seldom() -> None:
    """Look through what is there a last time, leave it alone from now on, and look at new objects seldom. Blocks for some 0.1 s."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
