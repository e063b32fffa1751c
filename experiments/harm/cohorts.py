"""Who the devices of a federation are, which of them are attacked, and whom a classifier is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from detectors.minutes.cleaning import usable_minutes
from experiments.common.forecast_times import Due
from experiments.federation.tasks import windows_from
from experiments.harm.plan import BEFORE_FORECAST, HOUR_MIN, Clock, Group
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

Bools = NDArray[np.bool_]
LEAST_VALID: Final = 0.8
LEAST_HELD_OUT: Final = 10  # windows, an hour apart in their starts or less
APART_MIN: Final = 120
SIMULATED: Final = (60_000, 33, 0.8)  # first population, patients, share that deteriorates; far from all other seeds
SIMULATED_TESTED: Final = 12  # of them, those whom a classifier is measured on


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A device: what it records up to the end of the clock, and who gates it (the folder of a detector that has not met it).

    `ill` bool[n] is the label of a window that ends at a minute, `known` bool[n] whether it has one.
    """

    recording: Recording
    bundle: Path
    ill: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    known: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A seed's federation: its devices, the attacked first; whose hours are the coordinator's root of trust; who is measured on."""

    devices: tuple[Member, ...]
    root: Member
    tested: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What the user gave: recordings with the folder of each one's gate by device id, the five by name, and forecasts that are due."""

    recordings: Sequence[Recording]
    gates: Mapping[str, Path]
    five: Sequence[str]
    due: Mapping[str, Due]
    bundle: Path

    def pool(self, group: Group, seed: int) -> list[Member]:
        """Return who may take part in a group, before anybody was judged."""
        if group.cohort == "simulated":
            return _simulated(group, seed, self.bundle)
        if group.cohort == "events":
            return [
                member
                for one in self.recordings
                if one.device_id in self.due
                and (member := _before_forecast(one, self.due[one.device_id], self.gates)) is not None
            ]
        named = [one for one in self.recordings if group.cohort != "five" or one.device_id in self.five]
        fitting = [one.sliced(0, group.clock.minutes) for one in named if one.minutes >= group.clock.minutes]
        return [Member(one, self.gates[one.device_id]) for one in fitting if _is_dense(one, group.clock)]


def drawn(group: Group, pool: Sequence[Member], seed: int) -> Drawn:
    """Return a seed's federation out of those who enrolled. The same order for every task and share.

    Raises Misconfigured when there are too few.
    """
    need = group.devices + (group.cohort != "five")
    if len(pool) < need:
        raise Misconfigured(
            f"{group.name}: {len(pool)} recordings can take part, {need} are needed: give more --recordings"
        )
    if group.cohort == "five":
        turned = [pool[(seed - 1 + at) % len(pool)] for at in range(group.devices)]
        return Drawn(tuple(turned), turned[-1])
    rng = np.random.default_rng([seed, crc32(group.cohort.encode())])
    order = list(pool) if group.cohort == "simulated" else [pool[at] for at in rng.permutation(len(pool)).tolist()]
    if group.cohort == "events":
        order = _in_turn(order)
    rest = order[group.devices :]
    root = next((member for member in rest if member.ill.any()), rest[0])
    others = tuple(member for member in rest if member is not root)
    return Drawn(tuple(order[: group.devices]), root, others if group.has_labels else ())


def _in_turn(order: Sequence[Member]) -> list[Member]:
    """Return members with an episode and without in turn, as long as there are both."""
    ill, well = ([member for member in order if member.ill.any() == wanted] for wanted in (True, False))
    both = min(len(ill), len(well))
    mixed = [member for pair in zip(ill[:both], well[:both], strict=True) for member in pair]
    return [*mixed, *ill[both:], *well[both:]]


def _is_dense(recording: Recording, clock: Clock) -> bool:
    valid = usable_minutes(recording.heart_rate_bpm, recording.resp_rate_bpm)
    held_out = windows_from(recording, recording.first_event_minute + clock.held_out_min + HOUR_MIN, HOUR_MIN // 5)
    return bool(valid.mean() >= LEAST_VALID) and len(held_out) >= LEAST_HELD_OUT


def _before_forecast(recording: Recording, due: Due, gates: Mapping[str, Path]) -> Member | None:
    """Return the eighteen hours before a forecast is due and what is left of the two after it, None where they are not recorded.

    In the last hour before, an episode begins within two hours. The hour before that one has no label where an episode follows.
    """
    at = due.minute - recording.first_event_minute
    if at < BEFORE_FORECAST or at >= recording.minutes:
        return None
    part = recording.sliced(at - BEFORE_FORECAST, BEFORE_FORECAST + 2 * HOUR_MIN)
    if usable_minutes(part.heart_rate_bpm, part.resp_rate_bpm).mean() < LEAST_VALID:
        return None
    before = BEFORE_FORECAST - np.arange(part.minutes)
    ill = (before >= 0) & (before < HOUR_MIN) & due.has_episode
    known = ill | (before >= (APART_MIN if due.has_episode else 0))
    return Member(part, gates[recording.device_id], ill, known)


def _simulated(group: Group, seed: int, bundle: Path) -> list[Member]:
    """Return as many patients as a group needs: the same ones first for every share, and the same ones who are measured on."""
    population, count, share = SIMULATED
    minutes = group.clock.minutes
    stays = synthetic_stays(population + seed, count, minutes, resolution_bpm=0.1, deteriorating_share=share)
    order = np.random.default_rng([seed, population]).permutation(count).tolist()
    return [
        Member(stays[at].recording, bundle, stays[at].deteriorating, np.ones(minutes, np.bool_))
        for at in (*order[: group.devices], *order[-SIMULATED_TESTED - 1 :])
    ]
