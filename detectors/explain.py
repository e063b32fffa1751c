"""Why a device is flagged, in words for a nurse: which channel, what about it is unusual, and over which time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_REASONS: Final = 2
LEAST_SURPRISE: Final = 1.5

_CHANNELS: Final = {
    "heart_rate": "heart rate",
    "resp_rate": "breathing",
    "both": "heart rate against breathing",
    "joint": "heart rate and breathing together",
}
_HIGH: Final = {
    "level": "higher than this patient's usual",
    "variance": "swinging more than usual",
    "difference": "more restless from minute to minute than usual",
    "smooth": "moving more than usual within minutes",
    "flat": "standing still for unusually long",
    "shape": "unusually lopsided",
    "step": "jumped suddenly",
    "coupling": "moving together more than usual",
    "repetition": "repeating itself",
    "rhythm": "pulsing at a fixed period",
    "lattice": "on values that this monitor does not write (as if multiplied)",
    "coverage": "missing many minutes",
    "residual": "unlike what the model expects of this patient",
}
_LOW: Final = {
    "level": "lower than this patient's usual",
    "variance": "swinging less than usual",
    "difference": "calmer from minute to minute than usual",
    "smooth": "moving less than usual within minutes",
    "flat": "hardly ever at rest, unlike usual",
    "coupling": "moving apart more than usual",
    "residual": "more predictable than this patient usually is",
}
_SPANS: Final = {60: "last hour", 180: "last three hours", 360: "last six hours", 1080: "last half day"}


def words_for(group: str, *, high: bool) -> str:
    """Return a group's name (such as `level heart_rate 60`) and its direction in words."""
    about, channel, minutes = group.rsplit(" ", 2)
    said = _HIGH[about] if high else _LOW.get(about, "unlike usual")
    if channel == "joint":
        said = _HIGH[about] if about in {"step", "flat", "residual"} else "both unlike usual in the same way"
    return f"{_CHANNELS[channel]} {said} ({_SPANS[int(minutes)]})"


def explain(names: Sequence[str], groups: NDArray[np.float32]) -> str:
    """Return the one or two most surprising findings in words; `groups` float32[2G]: upward surprises, then downward."""
    order = np.argsort(groups)[::-1]
    found: list[str] = []
    channels: set[str] = set()
    for place in order.tolist():
        if len(found) == MOST_REASONS or (found and groups[place] < LEAST_SURPRISE):
            break
        name = names[place % len(names)]
        channel = name.rsplit(" ", 2)[1]
        if channel not in channels:
            channels.add(channel)
            found.append(words_for(name, high=place < len(names)))
    return "; ".join(found)
