"""What the detector's network expects of a device's minutes, in bpm and breaths/min."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from console.sources.series import Columns, as_json
from contracts.errors import FedSecureError
from contracts.settings import Settings
from contracts.verdicts import DeviceProfile

if TYPE_CHECKING:
    from detectors.network.runtime import DensityNetwork


def expected_vitals(settings: Settings, profile: DeviceProfile, columns: Columns) -> Mapping[str, Any]:
    """Return the columns `minute`, `heart`, `breath`; empty when the profile belongs to another bundle than this program's.

    A minute is shown as its neighbours on both sides explain it. Blocks for some milliseconds.
    """
    from detectors.engine.model import expected_minutes  # noqa: PLC0415 - wanted only by who looks at a device

    try:
        sha256, network = _network(settings.bundle_dir)
    except (FedSecureError, OSError):
        return {}
    if sha256 != profile.bundle_sha:
        return {}
    minute = np.asarray(columns["minute"], np.int64)
    if not len(minute):
        return {}
    span = np.full((2, int(minute[-1] - minute[0]) + 1), np.nan)
    span[:, minute - minute[0]] = columns["heart"], columns["breath"]
    shown, expected = expected_minutes(network, profile, int(minute[0]), span[0], span[1])
    return {"minute": shown.tolist(), "heart": as_json(expected[:, 0]), "breath": as_json(expected[:, 1])}


@lru_cache(maxsize=1)
def _network(folder: Path | None) -> tuple[str, DensityNetwork]:
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle  # noqa: PLC0415 - see above
    from detectors.network.runtime import DensityNetwork  # noqa: PLC0415

    bundle = load_bundle(folder or DEFAULT_BUNDLE)
    return bundle.sha256, DensityNetwork(bundle.parameters.network)
