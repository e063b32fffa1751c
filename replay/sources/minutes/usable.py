"""Refuse a recording that cannot be what it says: nothing measured, other units, wrong dates."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from contracts.errors import Misconfigured
from replay.recording import Recording, Vitals

LOWEST, HIGHEST = (20.0, 3.0), (300.0, 100.0)  # heart and respiratory rate; beyond is an artefact to the detector too
LONGEST_MIN = 366 * 1440
PREDICATES = ("is ", "has ", "holds ", "cannot ")
WRONG_SHARE = 0.9  # a bad sensor is wrong at times, a wrong unit always
HEART_LIMITS, RESP_LIMITS = zip(LOWEST, HIGHEST, strict=True)
RATES = {"heart_rate_bpm": ("heart rate", "beats"), "resp_rate_bpm": ("respiratory rate", "breaths")}


class Unusable(Misconfigured):
    """One recording that cannot be used: alone it is refused with this sentence, among others it is skipped and counted."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}" if reason.startswith(PREDICATES) else f"{name}: {reason}")
        self.name = name
        self.reason = reason

    def __reduce__(self) -> tuple[type[Unusable], tuple[str, str]]:
        return type(self), (self.name, self.reason)  # it travels between processes

    @property
    def short_name(self) -> str:
        """The name without its folders."""
        return PurePath(self.name).name


def check_length(name: str, minutes: int) -> None:
    """Raise Unusable for a recording of more than a year, before memory is asked for its minutes."""
    if minutes > LONGEST_MIN:
        raise Unusable(
            name,
            f"{minutes / LONGEST_MIN:.1f} years long, which is taken for wrong dates; a recording lasts a year at most: "
            "correct its times, or give each stay a device id of its own",
        )


def checked(name: str, recording: Recording) -> Recording:
    """Return the recording unchanged, or raise Unusable when a rate was never measured or is in another unit."""
    check_length(name, recording.minutes)
    for index, (channel, (title, events)) in enumerate(RATES.items()):
        values = recording.channels()[channel]
        values = values[~np.isnan(values)]
        if not len(values):
            raise Unusable(
                name,
                f"{title} never measured, every value is missing or one that no patient has; both rates are needed",
            )
        _check_unit(name, title, events, values, (LOWEST[index], HIGHEST[index]))
    return recording


def _check_unit(name: str, title: str, events: str, values: Vitals, limits: tuple[float, float]) -> None:
    """The value itself is never said: it is a patient's."""
    lowest, highest = limits
    below, above = (values < lowest).mean(), (values > highest).mean()
    if below + above <= WRONG_SHARE:
        return
    if above > below:
        looks = f"milliseconds between {events} or another unit; 60000 divided by milliseconds is a rate per minute"
    elif np.median(values) < lowest / 4:
        looks = f"{events} per second (Hz), seconds or scaled values; 60 times Hz is a rate per minute"
    else:
        looks = "another unit or a sensor that was off"
    raise Unusable(
        name, f"{title} is not in {events} per minute: {below + above:.0%} of its values are outside "
        f"{lowest:g}-{highest:g}, as if {looks}"
    )  # fmt: skip
