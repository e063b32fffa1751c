"""What a protocol hands over: readings under the name that the monitor, bed or patient has there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.errors import FedSecureError
from contracts.ingest import ChannelName, Reading
from detectors.minutes.cleaning import HIGHEST, LOWEST

_LIMITS: Final[dict[ChannelName, tuple[float, float]]] = {
    "heart_rate_bpm": (LOWEST[0], HIGHEST[0]),
    "resp_rate_bpm": (LOWEST[1], HIGHEST[1]),
    "pulse_bpm": (LOWEST[0], HIGHEST[0]),
}


@dataclass(frozen=True, slots=True)
class GivenReadings:
    """Readings of the device that is called `given`."""

    given: str
    readings: Sequence[Reading]


class NotUsed(FedSecureError):
    """Nothing of a message can be used; the sentence, without any name or value of a patient, goes back to the sender."""


Deliver = Callable[[Sequence[GivenReadings]], Awaitable[None]]
"""Returns once Kafka has the readings; raises Unavailable (send again later) or NotUsed."""


def plausible(reading: Reading) -> Reading:
    """Return the reading, its value missing when no patient has it: zeros, a monitor's codes such as -999, artefacts."""
    lowest, highest = _LIMITS[reading.channel]
    if reading.value is None or lowest <= reading.value <= highest:
        return reading
    return Reading(reading.channel, reading.source, reading.observed_at, None)
