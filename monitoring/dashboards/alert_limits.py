"""The numbers at which alerts fire, read from Prometheus' own rules, so that a dashboard cannot show other ones."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

RULES_DIR: Final = Path(__file__).parents[1] / "prometheus" / "rules"
_COMPARISON: Final = re.compile(r"(?:>=|>|<=|<|==)\s*([0-9.]+)")


@cache
def alert_rules() -> dict[str, dict[str, Any]]:
    """Return every alert rule by its name."""
    groups = [group for path in sorted(RULES_DIR.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def alert_limit(alert: str) -> float:
    """Return the number that an alert's first comparison is with; raises KeyError or LookupError where there is none."""
    found = _COMPARISON.search(alert_rules()[alert]["expr"])
    if found is None:
        raise LookupError(f"{alert} compares with no number")
    return float(found.group(1))
