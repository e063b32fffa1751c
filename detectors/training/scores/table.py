"""All decisions of all streams as one table: clean streams of every patient, attacked traces and distorted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats, Floats32, Ints
from detectors.baseline.own_past import OwnPast, own_past
from detectors.decisions.votes import AGREE, stream_votes
from detectors.minutes.windows import STEP_MIN, decision_minute
from detectors.rules.copies import LIMIT_NATS
from detectors.rules.frozen import LIMIT_MIN
from detectors.training.scores.decisions import StreamDecisions, joined

CLEAN: Final = -1
DISTORTED: Final = -2
TEACHING: Final = 2
"""Onsets of a patient from this number on only teach; the two before are judged as well."""
WEEK_MIN: Final = 10_080


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One stream's decisions and what it is: `case` a place among the attacks, CLEAN or DISTORTED. `which` is the onset of its patient.

    `onset` is the valid minute of the attack's beginning, -1 on a clean stream.
    """

    decisions: StreamDecisions
    case: int
    onset: int
    which: int


@dataclass(frozen=True, eq=False)
class DecisionTable:
    """N decisions in S streams of P patients. A patient's clean stream comes first, its traces follow.

    By decision the arrays of `StreamDecisions`, and `stream` int32[N]. By stream `start` and `stop` int64[S], `patient`, `case`,
    `onset` and `which` int32[S]. By patient `name` str[P], `population`, `enrolment_min` and `enrolled` int32[P].
    """

    values: Floats32
    nats: Floats32
    run: NDArray[np.int32]
    usable: Bools
    judged: Bools
    deteriorating: Bools
    decision: NDArray[np.int32]
    event_minute: Ints
    since: NDArray[np.int32]
    start: Ints
    stop: Ints
    patient: NDArray[np.int32]
    case: NDArray[np.int32]
    onset: NDArray[np.int32]
    which: NDArray[np.int32]
    name: NDArray[np.str_]
    population: NDArray[np.int32]
    enrolment_min: NDArray[np.int32]
    enrolled: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.decision)

    @cached_property
    def stream(self) -> Ints:
        """int64[N]: the stream of each decision."""
        return np.repeat(np.arange(len(self.start)), self.stop - self.start)

    @cached_property
    def who(self) -> NDArray[np.int32]:
        """int32[N]: the patient of each decision."""
        return self.patient[self.stream]

    @cached_property
    def is_clean(self) -> Bools:
        """bool[N]: decisions of clean streams."""
        return np.asarray(self.case[self.stream] == CLEAN)

    @cached_property
    def minute(self) -> Ints:
        """int64[N]: the last valid minute of the stream that each decision may see."""
        return decision_minute(self.decision)

    @cached_property
    def clean_row(self) -> Ints:
        """int64[N]: the decision of the patient's clean stream at the same place: it holds the trace's own past."""
        first = np.zeros(len(self.name), np.int64)
        clean = self.case == CLEAN
        first[self.patient[clean]] = self.start[clean]
        return first[self.who] + self.decision

    def clean_streams(self, patients: Ints) -> list[slice]:
        """Return the rows of the clean streams of some patients."""
        wanted = np.flatnonzero((self.case == CLEAN) & np.isin(self.patient, patients))
        return [slice(int(self.start[place]), int(self.stop[place])) for place in wanted]

    def rows_of(self, patients: Ints, *, only_clean: bool = False) -> Ints:
        """Return the places of all decisions of some patients."""
        inside = np.isin(self.who, patients)
        return np.flatnonzero(inside & self.is_clean if only_clean else inside)

    def own_past(self, values: NDArray[np.floating], *, frozen: bool = False) -> OwnPast:
        """Return the own past of every decision, of values [N, C]. Patients whose clean stream holds NaN get NaN.

        A trace has its clean stream's: no attacked decision is old enough to be in its own past.
        """
        mean = np.full(values.shape, np.nan)
        sd, count = mean.copy(), np.ones((len(values), 1))
        for place in np.flatnonzero(self.case == CLEAN):
            part = slice(int(self.start[place]), int(self.stop[place]))
            enrolled = int(self.enrolled[self.patient[place]])
            own = own_past(values[part].astype(np.float64), enrolled, self.usable[part], frozen=frozen)
            mean[part], sd[part], count[part] = own
        at = self.clean_row
        return OwnPast(mean[at], sd[at], count[at])

    def votes(self, values: Floats, agree: int) -> Floats:
        """Return float64[N]: the smallest of the last `agree` decisions of each stream."""
        voted = np.empty(len(values))
        for start, stop in zip(self.start.tolist(), self.stop.tolist(), strict=True):
            voted[start:stop] = stream_votes(values[start:stop], agree)
        return voted

    def weeks(self, streams: Sequence[slice]) -> float:
        """Return the device-weeks that some streams are judged for."""
        return float(sum(self.judged[part].sum() for part in streams)) * STEP_MIN / WEEK_MIN

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as arrays by name, for a folder of stages."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def table_of(patients: Sequence[tuple[str, int, int, int]], streams: Sequence[Sequence[Stream]]) -> DecisionTable:
    """Return the table of patients (name, population, enrolment in minutes, decisions in it) and the streams of each."""
    flat = [(place, stream) for place, own in enumerate(streams) for stream in own]
    lengths = np.array([len(stream.decisions) for _, stream in flat], np.int64)
    stop = np.cumsum(lengths)
    names, population, enrolment, enrolled = zip(*patients, strict=True)

    def integers(numbers: Sequence[int]) -> NDArray[np.int32]:
        return np.array(numbers, np.int32)

    return DecisionTable(
        **joined([stream.decisions for _, stream in flat]),
        start=stop - lengths,
        stop=stop,
        patient=integers([place for place, _ in flat]),
        case=integers([stream.case for _, stream in flat]),
        onset=integers([stream.onset for _, stream in flat]),
        which=integers([stream.which for _, stream in flat]),
        name=np.array(names),
        population=integers(population),
        enrolment_min=integers(enrolment),
        enrolled=integers(enrolled),
    )


@dataclass(frozen=True, slots=True)
class AttackDelays:
    """When each attack was found: `delay_min` float64[A, C] after the onset by onset and case (inf: never, NaN: not tried).

    `patient` int32[A] is whose onset it is. A decision finds at the last (valid) minute that it may see.
    """

    delay_min: Floats
    patient: NDArray[np.int32]


def attack_delays(table: DecisionTable, flagged: Bools, cases: int) -> AttackDelays:
    """Return the delays of all judged attacks of a table with so many cases."""
    streams = np.flatnonzero((table.case >= 0) & (table.which < TEACHING))
    keys = sorted({(int(table.patient[stream]), int(table.which[stream])) for stream in streams})
    place = {key: row for row, key in enumerate(keys)}
    delay = np.full((len(keys), cases), np.nan)
    for stream in streams:
        part = slice(int(table.start[stream]), int(table.stop[stream]))
        late = (table.minute[part][flagged[part] & table.judged[part]] - table.onset[stream]).astype(np.float64)
        row = place[int(table.patient[stream]), int(table.which[stream])]
        delay[row, table.case[stream]] = late[late > 0].min(initial=np.inf)
    return AttackDelays(delay, np.array([patient for patient, _ in keys], np.int32))


def rule_rows(table: DecisionTable) -> dict[str, Bools]:
    """Return by rule bool[N]: the copy and the frozen rule, each twice in a row."""
    values = {"copy": table.nats / LIMIT_NATS, "frozen": table.run / LIMIT_MIN}
    return {name: table.votes(ratio.astype(np.float64), AGREE[name]) >= 1 for name, ratio in values.items()}
