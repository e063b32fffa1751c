"""What the shipped autoencoder expects of a device's minutes, in bpm and breaths/min."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.series import Columns, as_json
from contracts.errors import FedSecureError
from contracts.settings import Settings
from contracts.verdicts import DeviceProfile

if TYPE_CHECKING:
    from detectors.bundle import Bundle


def expected_vitals(settings: Settings, profile: DeviceProfile, columns: Columns) -> Mapping[str, Any]:
    """Return the columns `minute`, `heart`, `breath`; empty when the profile belongs to another bundle than this program's.

    Blocks: some milliseconds, and once three seconds to load the detector.
    """
    from detectors.plain_reconstruction import rebuild  # noqa: PLC0415 - three seconds, wanted only by who looks at a device

    try:
        bundle = _bundle(settings.bundle_dir)
    except (FedSecureError, OSError):
        return {}
    if bundle.sha256 != profile.bundle_sha:
        return {}
    minute, rebuilt = rebuild(
        bundle.autoencoder, columns["minute"], columns["heart"], columns["breath"], profile.median, profile.scale
    )
    return {"minute": minute.tolist(), "heart": as_json(rebuilt[:, 0]), "breath": as_json(rebuilt[:, 1])}


@lru_cache(maxsize=1)
def _bundle(folder: Path | None) -> Bundle:
    from detectors.bundle import DEFAULT_BUNDLE, load_bundle  # noqa: PLC0415 - see above

    return load_bundle(folder or DEFAULT_BUNDLE)
