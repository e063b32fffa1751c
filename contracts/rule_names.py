"""The names of the rules by which a device's scores become votes (`detectors.decision_rules` holds the rules)."""

from __future__ import annotations

from typing import Literal

RuleName = Literal["common-scale", "paper-fig3"]
