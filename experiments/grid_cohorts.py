"""The evaluation's patients: populations whose seeds no training uses, apart from one another or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from contracts.errors import Misconfigured
from detectors.training.cohort import Cohorts
from experiments.grid_protocol import DAY_MIN, TENTHS_BPM, WHOLE_BPM, Protocol
from replay.recording import Recording
from replay.sources.synthetic import Stay, synthetic_stays

# `fedsecure train --seed s` draws the populations 1000 (s + 1) + 0, 1, 2; these lie in the same thousand, above them.
_FIRST: Final = {"attacked": 100, "clean": 200, "ill": 300}
_WHOLE: Final = 50


def population_seed(protocol: Protocol, kind: str, cohort: int, *, tenths: bool) -> int:
    """Return the seed of a population of a kind (attacked, clean, ill)."""
    return 1000 * (protocol.seed + 1) + _FIRST[kind] + cohort + (0 if tenths else _WHOLE)


def attacked_recordings(protocol: Protocol, cohort: int, *, tenths: bool) -> list[Recording]:
    """Return the patients to attack, PULSE included."""
    count = protocol.attacked_tenths if tenths else protocol.attacked_whole
    seed = population_seed(protocol, "attacked", cohort, tenths=tenths)
    stays = _stays(seed, count, protocol.attacked_days, tenths=tenths)
    return [stay.recording for stay in stays]


def clean_recordings(protocol: Protocol, cohort: int, *, tenths: bool) -> list[Recording]:
    """Return patients who are stable and left alone, without PULSE."""
    seed = population_seed(protocol, "clean", cohort, tenths=tenths)
    return [
        without_pulse(stay.recording) for stay in _stays(seed, protocol.clean_each, protocol.clean_days, tenths=tenths)
    ]


def ill_stays(protocol: Protocol, cohort: int, *, tenths: bool) -> list[Stay]:
    """Return patients who all deteriorate, each kind in turn."""
    seed = population_seed(protocol, "ill", cohort, tenths=tenths)
    return _stays(seed, protocol.ill_each, protocol.ill_days, tenths=tenths, ill=1.0)


def fresh_recordings(protocol: Protocol) -> list[Recording]:
    """Return the untouched cohort: stable patients in tenths, drawn from a seed of their own, whatever the protocol's."""
    stays = _stays(protocol.fresh_seed, protocol.fresh_devices, protocol.clean_days, tenths=True)
    return [without_pulse(stay.recording) for stay in stays]


def without_pulse(recording: Recording) -> Recording:
    """Return the recording as a monitor without PULSE would have written it."""
    return replace(recording, pulse_bpm=None)


def evaluation_ids(protocol: Protocol) -> dict[str, list[str]]:
    """Return the device ids of every evaluation cohort by its name."""
    ids: dict[str, list[str]] = {}
    for cohort in range(protocol.cohort_seeds):
        for tenths in (True, False):
            for kind, count in (
                ("attacked", protocol.attacked_tenths if tenths else protocol.attacked_whole),
                ("clean", protocol.clean_each),
                ("ill", protocol.ill_each),
            ):
                seed = population_seed(protocol, kind, cohort, tenths=tenths)
                ids.setdefault(f"evaluation's {kind}", []).extend(_ids(seed, count))
    return ids | {"evaluation's fresh": _ids(protocol.fresh_seed, protocol.fresh_devices)}


def training_ids(cohorts: Cohorts) -> dict[str, list[str]]:
    """Return the device ids of the training's cohorts by name."""
    return {
        f"training's {name}": [stay.recording.device_id for stay in getattr(cohorts, name)]
        for name in ("reference", "calibration", "test")
    }


def check_apart(cohorts: Mapping[str, Iterable[str]]) -> None:
    """Raise Misconfigured when a patient is in two cohorts, or twice in one: nothing measured on such a patient counts."""
    seen: dict[str, str] = {}
    for name, ids in cohorts.items():
        for device_id in ids:
            if device_id in seen:
                raise Misconfigured(
                    f"patient {device_id} is in the {seen[device_id]} cohort and in the {name} cohort: what is measured on a "
                    "patient that was learnt from says nothing; choose another --seed"
                )
            seen[device_id] = name


def _stays(seed: int, count: int, days: int, *, tenths: bool, ill: float = 0.0) -> list[Stay]:
    resolution = TENTHS_BPM if tenths else WHOLE_BPM
    return synthetic_stays(seed, count, days * DAY_MIN, resolution_bpm=resolution, deteriorating_share=ill)


def _ids(seed: int, count: int) -> list[str]:
    return [f"synthetic-{seed}-{index:04d}" for index in range(count)]
