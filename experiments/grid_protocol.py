"""The evaluation's protocol: how many patients, which attacks, which limits, fixed before anything is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from contracts.errors import Misconfigured
from detectors.knowledge import ENROLMENTS_MIN
from replay.attacks import ATTACKS, find_attack

Case = tuple[str, str]

FRESH_SEED: Final = 20261127  # written down before any run: these patients are drawn once, for the final detector only
CORE: Final = ("data-poisoning-1", "data-poisoning-2", "amplitude", "motif", "stuck-at")
LEVELS: Final = ("subtle", "medium", "strong")
WITHIN_H: Final = (2, 4, 12)
DAY_MIN: Final = 1440
TENTHS_BPM: Final = 0.1
WHOLE_BPM: Final = 1.0
COUNTED_DAYS: Final = 6  # devices with any false exclusion are counted over so many days after the enrolment


@dataclass(frozen=True, slots=True)
class Protocol:
    """Sizes; devices are counted for each of `cohort_seeds` populations, and by the monitor's resolution.

    `enrolment_min` is the headline's; the core attacks are repeated after the other enrolment. `calibration_devices` and
    `fitted_devices` (None: all) are what ablations and baselines may use of the training's cohorts. `relearnt` says whether networks
    are learnt anew, for leave-one-out, ablations and `training_seeds`.
    """

    seed: int = 1
    enrolment_min: int = ENROLMENTS_MIN[-1]
    cohort_seeds: int = 3
    attacked_tenths: int = 16
    attacked_whole: int = 8
    attacked_days: int = 3
    clean_each: int = 30
    clean_days: int = 7
    ill_each: int = 50
    ill_days: int = 4
    fresh_devices: int = 120
    fresh_seed: int = FRESH_SEED
    calibration_devices: int | None = None
    fitted_devices: int = 64
    training_seeds: int = 3
    relearnt: bool = True
    draws: int = 1000

    @property
    def other_enrolment_min(self) -> int:
        """The enrolment that is shown beside the headline's."""
        return next(length for length in ENROLMENTS_MIN if length != self.enrolment_min)


FULL: Final = Protocol()
QUICK: Final = Protocol(
    cohort_seeds=1, attacked_tenths=8, attacked_whole=4, clean_each=8, clean_days=4, ill_each=10, ill_days=3,
    fresh_devices=0, calibration_devices=32, fitted_devices=10, training_seeds=0, relearnt=False, draws=400,
)  # fmt: skip


def protocol_for(*, quick: bool, seed: int, enrolment_min: int) -> Protocol:
    """Return the quick or the full protocol; raises Misconfigured for an enrolment that no detector is calibrated for."""
    if enrolment_min not in ENROLMENTS_MIN:
        lengths = " or ".join(map(str, ENROLMENTS_MIN))
        raise Misconfigured(f"--enrolment {enrolment_min}: the detector is calibrated for {lengths} minutes")
    return replace(QUICK if quick else FULL, seed=seed, enrolment_min=enrolment_min)


def cases_of(names: Sequence[str]) -> tuple[Case, ...]:
    """Return every (attack, level) of these attacks, `all` standing for every one that ships, in a fixed order.

    Names may point at own attacks. Raises Misconfigured for an attack that does not exist.
    """
    wanted = dict.fromkeys(one for name in names for one in (sorted(ATTACKS) if name == "all" else [name]))
    return tuple((name, level) for name in wanted for level in find_attack(name).levels)


def core_cases(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return those of the core families."""
    return tuple(case for case in cases if case[0] in CORE)
