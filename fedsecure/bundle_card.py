"""What a bundle's card says of those who taught it."""

from __future__ import annotations

from typing import Any

from detectors.bundle.bundle import Bundle


def reference_populations(bundle: Bundle) -> list[dict[str, Any]]:
    """Return what the card says of the patients who taught a bundle, by population; nothing where it is silent."""
    return list(bundle.metadata.get("data", {}).get("references", []))


def reference_names(bundle: Bundle) -> set[str]:
    """Return the device ids of those who taught it: it judges them too well."""
    return {name for population in reference_populations(bundle) for name in population["enrolled_min"]}
