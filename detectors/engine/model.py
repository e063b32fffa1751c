"""A trained detector at work: what the engine asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contracts.messages.verdicts import DeviceProfile
from detectors.array_types import Floats, Floats32, Ints
from detectors.baseline.profile import Profile
from detectors.decisions.rule import Rule
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN
from detectors.network.runtime import DensityNetwork
from detectors.scoring.components import DetectorParameters
from detectors.statistics.windows import WINDOW, DecisionRows, rows_of_stream


class WindowScorer(Protocol):
    """The network as the engine calls it."""

    def normal_scores(self, z: Floats32, weight: Floats32, context: Floats32, half_cell: Floats32) -> Floats32: ...


class Model:
    """Parameters, network and decision rule of one bundle. Owned by one thread. Blocks while it computes."""

    def __init__(
        self, parameters: DetectorParameters, rule: Rule, bundle_sha: str = "", network: WindowScorer | None = None
    ) -> None:
        self.parameters = parameters
        self.rule = rule
        self.bundle_sha = bundle_sha
        if network is None and parameters.network:
            network = DensityNetwork(parameters.network)
        self._network = network

    def network_errors(self, rows: DecisionRows) -> Floats32 | None:
        """Return the normal scores float32[R, 15, 2] of each decision's block. None without a network."""
        return network_errors(self._network, rows)

    def is_own(self, profile: DeviceProfile | None) -> bool:
        """Return whether a profile was frozen under this bundle and rule (None: as good as any)."""
        return profile is None or (profile.bundle_sha == self.bundle_sha and profile.rule == self.rule.name)


def network_errors(network: WindowScorer | None, rows: DecisionRows) -> Floats32 | None:
    """Return the network's normal scores float32[R, 15, 2] of decisions' blocks. None without a network."""
    if network is None:
        return None
    return network.normal_scores(
        np.ascontiguousarray(rows.z[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.weight[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.context, np.float32),
        rows.half_cell.astype(np.float32),
    )


def profile_from(record: DeviceProfile) -> Profile:
    """Return a profile as arrays."""
    return Profile(
        np.array(record.median),
        np.array(record.scale),
        np.array(record.residual_size).reshape(3, 2),
        np.array(record.unchanged_share),
        np.array(record.grid_bpm),
        np.array(record.context, np.float32),
        record.enrolment_min,
    )


def profile_record(profile: Profile, **rest: object) -> DeviceProfile:
    """Return a profile as it travels. `rest` are the fields that no array holds."""
    fields: Mapping[str, NDArray[np.floating]] = {
        "median": profile.median, "scale": profile.scale, "residual_size": profile.residual_size,
        "unchanged_share": profile.unchanged_share, "grid_bpm": profile.grid_bpm, "context": profile.context,
    }  # fmt: skip
    values = {name: tuple(array.astype(np.float64).ravel().tolist()) for name, array in fields.items()}
    return DeviceProfile(**values, enrolment_min=profile.enrolment_min, **rest)  # type: ignore[arg-type]


def expected_minutes(
    network: DensityNetwork,
    profile: DeviceProfile,
    first_event_minute: int,
    heart_rate_bpm: ArrayLike,
    resp_rate_bpm: ArrayLike,
) -> tuple[Ints, Floats]:
    """Return (event minutes int64[n], float64[n, 2] in bpm and breaths/min) of the minutes that lie in a decision's block.

    Arguments as of `minutes.cleaning.clean`; the network sees 7 minutes more on the late side, so the last minutes have none.
    """
    minutes = clean(first_event_minute, heart_rate_bpm, resp_rate_bpm)
    if len(minutes) < WINDOW_MIN:
        return np.empty(0, np.int64), np.empty((0, 2))
    rows = rows_of_stream(minutes.values, minutes.weight, profile_from(profile))
    z = network.expected(
        np.ascontiguousarray(rows.z[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.weight[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.context, np.float32),
    )
    at = STEP_MIN * rows.decision[:, None] + np.arange(FIRST_MIN, FIRST_MIN + STEP_MIN)
    expected = z.astype(np.float64) * np.array(profile.scale) + np.array(profile.median)
    return minutes.event_minute[at.ravel()], expected.reshape(-1, 2)
