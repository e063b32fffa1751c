"""All that an evaluation measured, before anything is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.grid_cells import Cell
from experiments.grid_clean import Episode, FalseExclusions
from experiments.grid_headline import Headline
from experiments.grid_protocol import Case, Protocol
from experiments.grid_pulse import PulseOutcome
from experiments.grid_real import RealAttack, RealClean
from experiments.grid_rulings import Rulings


@dataclass(frozen=True, slots=True)
class Judged:
    """Detectors that were judged on the same devices, by name: left-one-out families, ablations, baselines, training seeds."""

    lofo: Mapping[str, Rulings]
    never_learnt: tuple[str, ...]
    ablations: Mapping[str, Rulings]
    baselines: Mapping[str, Rulings]
    seeds: Mapping[str, Rulings]


@dataclass(frozen=True, slots=True)
class OnReal:
    """Recordings that no cohort made: as they are, attacked case by case, and attacked as a plan says."""

    clean: tuple[RealClean, ...]
    attacked: tuple[RealAttack, ...]
    planned: tuple[RealAttack, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """`cells` of the headline's enrolment, `other_cells` of the core attacks after the other one; `own` is None without own recordings.

    `fresh` is None unless the untouched cohort was drawn. `bundle_sha256` names the detector.
    """

    protocol: Protocol
    bundle_sha256: str
    trained_with: Mapping[str, object]
    cases: tuple[Case, ...]
    headline: Headline
    cells: tuple[Cell, ...]
    other_cells: tuple[Cell, ...]
    clean: tuple[FalseExclusions, ...]
    fresh: FalseExclusions | None
    episodes: tuple[Episode, ...]
    pulse: tuple[PulseOutcome, ...]
    real: OnReal
    own: OnReal | None
    judged: Judged

    @property
    def rulings(self) -> Rulings:
        """The headline's attacked devices as rulings."""
        seen = self.headline.attacked
        nothing = np.zeros(0, np.int64)
        return Rulings(
            np.array([self.cases.index(one.case) for one in seen], np.int64),
            np.array([one.tenths for one in seen], np.bool_),
            np.array([one.delay_min for one in seen], np.float64),
            np.array([one.found_by for one in seen], np.int64),
            nothing, nothing.astype(np.float64), nothing, nothing.astype(np.bool_),
        )  # fmt: skip

    def delays(self, *wanted: Case, tenths: bool | None = True) -> NDArray[np.float64]:
        """Return the headline's delays of some cases, of devices at risk."""
        return self.rulings.delays_of(self.cases, wanted, tenths=tenths)
