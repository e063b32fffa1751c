"""Whether results are those of a detector at all: what any change to it must still pass, far below the goals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LEAST_FOUND: Final = 0.8
LEAST_AUC: Final = 0.8
MOST_A_WEEK: Final = 0.6


def quality_failures(document: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an evaluation (the content of results.json), in words; empty for a detector that works.

    A detector whose scores are constant or have nothing to do with the windows fails: it finds nothing, or excludes everybody.
    """
    core = [
        cell for cell in document["cells"] if cell["core"] and cell["level"] == "strong" and cell["monitor"] == "both"
    ]
    if not core:
        return ["no strong core attack was evaluated"]
    failures = []
    found = _mean([cell["within_12_h"]["value"] for cell in core])
    if found < LEAST_FOUND:
        failures.append(
            f"{found:.0%} of strong core attacks are found within 12 h; at least {LEAST_FOUND:.0%} are expected"
        )
    auc = _mean([cell["auc"]["value"] for cell in core])
    if auc < LEAST_AUC:
        failures.append(f"the AUC of strong core attacks is {auc:.2f}; at least {LEAST_AUC} is expected")
    for fleet in document["false_exclusions"]:
        rate = fleet["per_device_week"]["value"]
        if rate is not None and fleet["per_device_week"]["low"] > MOST_A_WEEK:
            failures.append(
                f"{rate:.2f} false exclusions a device-week ({fleet['fleet']}); at most {MOST_A_WEEK} are expected"
            )
    return failures


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0
