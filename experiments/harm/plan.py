"""What the patients' study runs: tasks, threats, defences, which of them are crossed, and when things happen on a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from contracts.errors import Misconfigured
from experiments.harm.threats import (
    BACKDOOR,
    BARE,
    CHECK,
    CHECK_AND_RULE,
    FLIPS,
    FREE_RIDER,
    GATES,
    LEVELS,
    LIVE,
    LIVE_AND_RULE,
    NOTHING,
    ORACLE,
    OTHERS,
    PAPERS,
    RULES,
    SCREEN_AND_RULE,
    SYBIL,
    WORST,
    Defence,
    Threat,
    vitals,
)

HOUR_MIN: Final = 60


@dataclass(frozen=True, slots=True)
class Clock:
    """When things happen on a device, in minutes from its recording's start: all of it is used up to `minutes`.

    `between_rounds_min` 0: all rounds look at the same hours. From `held_out_min` on a device's hours are only measured on.
    """

    enrolment_min: int
    first_round_min: int
    between_rounds_min: int
    rounds: int
    onset_min: int
    held_out_min: int
    minutes: int

    def round_min(self, number: int) -> int:
        """When a round takes place, counted from 0."""
        return self.first_round_min + number * self.between_rounds_min


TWO_DAYS: Final = Clock(600, 1200, 120, 10, 1260, 2340, 2880)
ILLNESS: Final = Clock(600, 1200, 120, 10, 720, 600, 2880)
A_DAY: Final = Clock(600, 720, 30, 10, 750, 1050, 1315)
BEFORE_FORECAST: Final = 1080
"""Minutes of a stay before its forecast is due: ten hours to enrol, then eight of which the last may come before an episode."""
EVENTS: Final = Clock(600, BEFORE_FORECAST + 120, 0, 10, 600, 600, BEFORE_FORECAST + 120)


@dataclass(frozen=True, slots=True)
class Group:
    """Federations of one task and cohort: `poisoned` of `devices` are attacked. Every run of it begins from the same weights.

    `cohort` says where the devices come from: the `recordings`, the `five` that were named, `events` (recordings with a forecast of acute
    hypotension), or `simulated` patients. A window is trained on every `stride_min` minutes, the newest `max_windows`.
    """

    task: str
    cohort: Literal["recordings", "five", "events", "simulated"]
    clock: Clock
    devices: int
    poisoned: int
    epochs: int
    learning_rate: float
    max_windows: int
    stride_min: int

    @property
    def name(self) -> str:
        """What it is called in the results."""
        where = ", the five" if self.cohort == "five" else ""
        return f"{self.task}, {self.poisoned} of {self.devices}{where}"

    @property
    def has_labels(self) -> bool:
        """Whether its devices train on labels."""
        return self.cohort in {"events", "simulated"}


@dataclass(frozen=True, slots=True)
class Run:
    """One federation of a group: what is done to it, and what is done about that."""

    threat: Threat
    defence: Defence

    @property
    def name(self) -> str:
        """What it is called in the results."""
        return f"{self.threat.name} / {self.defence.name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The groups and how many seeds each is run with. A seed draws patients, who of them is attacked, and weights."""

    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    batch_size: int = 32
    horizon_min: int = 120
    groups: tuple[Group, ...] = ()
    quick: bool = False


def _of(task: str, devices: int, poisoned: int) -> Group:
    if task == "reconstruction":
        return Group(task, "recordings", TWO_DAYS, devices, poisoned, 1, 3e-3, 64, 12)
    if task == "next hour":
        return Group(task, "recordings", TWO_DAYS, devices, poisoned, 4, 1e-2, 96, 12)
    if task == "deterioration":
        return Group(task, "simulated", ILLNESS, devices, poisoned, 4, 1e-2, 96, 24)
    return Group(task, "events", EVENTS, devices, poisoned, 4, 1e-2, 96, 6)


FIVE: Final = tuple(
    Group(task, "five", A_DAY, 5, 1, epochs, 3e-3, 64, 8) for task, epochs in (("reconstruction", 1), ("per-step", 4))
)
FULL: Final = Plan(
    groups=(
        *(_of("next hour", devices, poisoned) for devices, poisoned in ((5, 2), (5, 1), (20, 4))),
        *(_of("deterioration", 5, poisoned) for poisoned in (2, 1)),
        _of("hypotension", 10, 4),
        _of("reconstruction", 5, 2),
        *FIVE,
    )
)
QUICK: Final = replace(
    FULL,
    seeds=(1,),
    quick=True,
    groups=tuple(group for group in FULL.groups if (group.devices, group.poisoned) == (5, 2)),
)


def plan_for(
    seeds: int | None, tasks: Sequence[str] = (), *, five: Sequence[str], has_forecasts: bool, quick: bool
) -> Plan:
    """Return the plan of the command's options: all tasks where none is named.

    Without forecasts nobody's hypotension is known, without five names there is no Table II. Raises Misconfigured when other than five are
    named, for an unknown task, and when nothing is left to run.
    """
    known = sorted({group.task for group in FULL.groups})
    if wrong := [task for task in tasks if task not in known]:
        raise Misconfigured(f"there is no task {wrong[0]!r}; the tasks are {', '.join(known)}")
    if five and len(set(five)) != FIVE[0].devices:
        raise Misconfigured(f"--five names {len(set(five))} devices; the paper had {FIVE[0].devices}")
    plan = QUICK if quick else FULL
    missing = {"five": not five, "events": not has_forecasts}
    groups = tuple(
        group for group in plan.groups if not missing.get(group.cohort, False) and (not tasks or group.task in tasks)
    )
    if not groups:
        raise Misconfigured(
            "nothing is left to run: hypotension needs forecast times, per-step needs --five, neither is quick"
        )
    return replace(plan, groups=groups, seeds=tuple(range(1, seeds + 1)) if seeds else plan.seeds)


def runs_of(group: Group, *, quick: bool = False) -> list[Run]:
    """Return a group's runs: main effects at every share, and at two of five the crosses that the question needs.

    Not crossed: levels below strong with rules, and attacks other than the worst with rules; see docs/federation.md.
    """
    pairs = list(dict.fromkeys(_pairs(group, quick=quick)))
    return [Run(threat, defence) for threat, defence in pairs]


def _pairs(group: Group, *, quick: bool) -> Iterator[tuple[Threat, Defence]]:
    yield from ((NOTHING, defence) for defence in _without_attack(group))
    if group.cohort == "five":
        yield from ((vitals(attack), defence) for attack in PAPERS for defence in (BARE, LIVE))
        return
    yield from ((vitals(WORST), defence) for defence in GATES)
    if quick:
        yield from ((FLIPS[-1], defence) for defence in (BARE, ORACLE, CHECK) if group.has_labels)
        return
    if group.poisoned * 5 == group.devices * 2 and group.task != "hypotension":
        yield from _crossed(group)
    if group.has_labels:
        yield from ((FLIPS[-1], defence) for defence in (*GATES, CHECK, CHECK_AND_RULE))
        yield from ((BACKDOOR, defence) for defence in GATES)
    elif group.poisoned > 1:
        yield from ((SYBIL, defence) for defence in (BARE, SCREEN_AND_RULE, ORACLE))


def _without_attack(group: Group) -> Iterator[Defence]:
    yield from (BARE, LIVE)
    if group.cohort != "five":
        yield LIVE_AND_RULE
    if group.has_labels:
        yield CHECK


def _crossed(group: Group) -> Iterator[tuple[Threat, Defence]]:
    """Yield what is run at two of five alone: levels, other attacks, rules by themselves, and both.

    Of the detector's own network, whose rounds cost most, the gates alone.
    """
    attacks = [vitals(attack) for attack in PAPERS]
    if group.task == "next hour":
        attacks += [vitals(attack, level) for attack in PAPERS for level in LEVELS[:2]]
        attacks += [vitals(attack) for attack in OTHERS]
    yield from ((attack, defence) for attack in attacks for defence in GATES)
    yield vitals(WORST), LIVE_AND_RULE
    if group.task == "reconstruction":
        return
    yield from ((threat, rule) for threat in (NOTHING, vitals(WORST)) for rule in RULES)
    yield from ((FREE_RIDER, defence) for defence in (BARE, SCREEN_AND_RULE, ORACLE))
    yield from ((SYBIL, defence) for defence in (BARE, *RULES, SCREEN_AND_RULE, ORACLE))
    if group.has_labels:
        yield from ((flip, defence) for flip in FLIPS for defence in (BARE, ORACLE, CHECK))
        yield from ((FLIPS[-1], rule) for rule in RULES)
        yield from ((BACKDOOR, rule) for rule in (*RULES, LIVE_AND_RULE))
