"""What the devices of a federation may train on at each round, attacked or not, and the hours that its model is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceProfile
from experiments.federation.tasks import windows_from
from experiments.harm.cohorts import Member
from experiments.harm.judging import Available, Judged, attacked, available
from experiments.harm.plan import HOUR_MIN, Group, Plan
from experiments.harm.tasks import STUDIED
from experiments.harm.threats import STRONG, TRIGGER, Threat
from fl_device.tasks.label_flip import flip_labels
from fl_device.tasks.task import Examples
from fl_device.training.own_windows import TrainingWindows, own_hours
from replay.recording import Recording

Floats32 = NDArray[np.float32]
HELD_OUT_EVERY: Final = 4  # one hour of so many is held out by a device whose labels are checked

NO_EXAMPLES: Final = Examples(np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A device in a federation: its member, and its minutes as judged, clean and under each attack on vital signs (`None`: clean)."""

    member: Member
    judged: Mapping[tuple[str, str] | None, Judged]

    @property
    def profile(self) -> DeviceProfile:
        """What its enrolment taught, the same under every attack: they begin later."""
        profile = self.judged[None].frozen_profile
        assert profile is not None  # nobody is drawn who did not enrol
        return profile


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What a device trains on in a round, what it holds out for the check of its labels, and the poisoned minutes among the former."""

    trained: Examples
    held_out: Examples
    poisoned_min: int


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Hours that nobody trained on: network inputs and targets, whose they are, the scales of each row's device.

    `owner` int64[n], places among the devices; `scale` float64[n, 2]. `triggered` are a classifier's inputs with the backdoor's trigger.
    """

    inputs: Floats32
    targets: Floats32
    owner: NDArray[np.int64]
    scale: NDArray[np.float64]
    triggered: Floats32


@dataclass(slots=True)
class World:
    """A group's devices in one seed. Answers what each trains on, and remembers it."""

    group: Group
    plan: Plan
    sides: Sequence[Side]
    root: Side
    tested: Sequence[Side]
    _available: dict[tuple[int, tuple[str, str] | None], Available] = field(default_factory=dict)
    _taken: dict[tuple[int, int, Threat, bool, bool], Taken] = field(default_factory=dict)

    def is_attacked(self, at: int) -> bool:
        """Whether a device is among those that a threat acts through."""
        return at < self.group.poisoned

    def case(self, at: int, threat: Threat) -> tuple[str, str] | None:
        """Return the attack on a device's vital signs."""
        return threat.case if self.is_attacked(at) else None

    def is_benign(self, at: int, number: int, threat: Threat) -> bool:
        """Whether the live detector lets a device take part in a round."""
        return self._of(at, threat).benign[number]

    def takes(self, at: int, number: int, threat: Threat, *, gated: bool, split: bool) -> Taken:
        """Return what a device trains on in a round: all its windows, or those that the live gate released. `split` holds some out."""
        threat = threat if self.is_attacked(at) and threat.kind != "update" else Threat()
        key = (at, number, threat, gated, split)
        if key not in self._taken:
            found = self._of(at, threat)
            windows = (found.released if gated else found.every)[number]
            side = self.sides[at]
            examples, ends = labelled(self.group, side, windows)
            examples = _mislabelled(
                examples, windows_poisoned(side.judged[self.case(at, threat)], ends), threat, number
            )
            held_out = is_held_out(ends, self.group.stride_min) & split
            poisoned = poisoned_minutes(side.judged[self.case(at, threat)], windows)
            self._taken[key] = Taken(_rows(examples, ~held_out), _rows(examples, held_out), poisoned)
        return self._taken[key]

    def trusted(self, number: int) -> Examples:
        """Return the hours that a coordinator with a root of trust trains on itself."""
        clock = self.group.clock
        found = available(self.root.judged[None], clock, self.group.max_windows, self.group.stride_min, 0)
        return labelled(self.group, self.root, found.every[number])[0]

    def measured(self) -> Measured:
        """Return the hours that its models are measured on: of a classifier those of other patients, else each device's own last ones."""
        if self.group.has_labels:
            return joined([_other_patients(self.group, side, -1) for side in self.tested])
        return joined([_own_tail(self.group, side, at) for at, side in enumerate(self.sides)])

    def _of(self, at: int, threat: Threat) -> Available:
        key = (at, self.case(at, threat))
        if key not in self._available:
            group = self.group
            judged = self.sides[at].judged[key[1]]
            self._available[key] = available(
                judged, group.clock, group.max_windows, group.stride_min, self.plan.horizon_min
            )
        return self._available[key]


def hours_from(recording: Recording, first_event_minute: int, stride_min: int) -> TrainingWindows:
    """Return the usable windows that end at a multiple of `stride_min`, from an event minute on: at the same ones whatever is missing."""
    every = windows_from(recording, first_event_minute, 1)
    wanted = every.event_minute[:, -1] % stride_min == 0
    return TrainingWindows(every.values[wanted], every.event_minute[wanted], every.weight[wanted])


def labelled(group: Group, side: Side, windows: TrainingWindows) -> tuple[Examples, NDArray[np.int64]]:
    """Return a device's examples with the event minutes at which they end. Of a classifier only hours that have a label."""
    task = STUDIED[group.task].task
    if not len(windows):
        return NO_EXAMPLES, np.zeros(0, np.int64)
    examples = task.examples(own_hours(windows, side.profile))
    ends = windows.event_minute[:, -1]
    if not group.has_labels:
        return examples, ends[: len(examples)]
    member = side.member
    at = ends - member.recording.first_event_minute
    labels = member.ill[at].astype(np.float32)[:, None]
    known = member.known[at]
    return _rows(Examples(examples.inputs, labels), known), ends[known]


def windows_poisoned(judged: Judged, ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the hour that ends at each event minute holds a poisoned minute."""
    before = np.concatenate([[0], np.cumsum(judged.poisoned)])
    last = np.searchsorted(judged.event_minute, ends, "right")
    first = np.searchsorted(judged.event_minute, ends - HOUR_MIN, "right")
    return np.asarray(before[last] > before[first])


def poisoned_minutes(judged: Judged, windows: TrainingWindows) -> int:
    """Return how many different minutes of windows an attack changed."""
    inside = np.isin(judged.event_minute, np.unique(windows.event_minute))
    return int((judged.poisoned & inside).sum())


def joined(parts: Sequence[Measured]) -> Measured:
    """Return several devices' hours as one."""
    return Measured(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("inputs", "targets", "owner", "scale", "triggered")
        )
    )


def _own_tail(group: Group, side: Side, at: int) -> Measured:
    recording = side.member.recording
    first = recording.first_event_minute + group.clock.held_out_min + HOUR_MIN
    windows = hours_from(recording, first, group.stride_min)
    studied = STUDIED[group.task]
    examples = studied.task.examples(own_hours(windows, side.profile))
    targets = examples.targets
    if studied.minutes is not None:
        targets = targets[:, studied.minutes.start : studied.minutes.stop]
    count = len(examples)
    scale = np.tile(np.asarray(side.profile.scale, np.float64), (count, 1))
    return Measured(examples.inputs, targets, np.full(count, at, np.int64), scale, examples.inputs[:0])


def _other_patients(group: Group, side: Side, at: int) -> Measured:
    """Return a patient's hours with and without the trigger: those that can be used both ways, as it may make an odd value plausible."""
    (clean, ends), (triggered, other_ends) = (
        _hours_after_enrolment(group, side, case) for case in (None, (TRIGGER, STRONG))
    )
    clean, triggered = _rows(clean, np.isin(ends, other_ends)), _rows(triggered, np.isin(other_ends, ends))
    owner, scale = np.full(len(clean), at, np.int64), np.ones((len(clean), 2))
    return Measured(clean.inputs, clean.targets, owner, scale, triggered.inputs)


def _hours_after_enrolment(
    group: Group, side: Side, case: tuple[str, str] | None
) -> tuple[Examples, NDArray[np.int64]]:
    recording, _ = attacked(side.member.recording, group.clock, case)
    first = recording.first_event_minute + group.clock.onset_min + HOUR_MIN
    return labelled(group, side, hours_from(recording, first, group.stride_min))


def _mislabelled(examples: Examples, poisoned: NDArray[np.bool_], threat: Threat, number: int) -> Examples:
    if threat.kind == "labels" and len(examples):
        flipped = flip_labels(examples.targets[:, 0], threat.level, number)
        return Examples(examples.inputs, flipped.labels[:, None])
    if threat.kind == "backdoor":
        return Examples(examples.inputs, np.where(poisoned[:, None], np.float32(0), examples.targets))
    return examples


def is_held_out(ends: NDArray[np.int64], stride_min: int) -> NDArray[np.bool_]:
    """Return which windows, by the event minutes of their ends, a device holds out for the check of its labels: the same in every round.

    They share minutes with windows that are trained on. That makes turned labels look more like the model's, never honest ones less.
    """
    return np.asarray(ends // stride_min % HELD_OUT_EVERY == 0)


def _rows(examples: Examples, wanted: NDArray[np.bool_]) -> Examples:
    return Examples(examples.inputs[wanted], examples.targets[wanted])
