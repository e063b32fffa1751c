"""Finds a decision rule by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from contracts.errors import Misconfigured
from detectors.decisions.common_scale_rule import COMMON_SCALE
from detectors.decisions.paper_fig3_rule import PAPER_FIG3
from detectors.decisions.rule import Rule

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.name: rule for rule in (COMMON_SCALE, PAPER_FIG3)})


def rule_named(name: str) -> Rule:
    """Return the rule, or raise Misconfigured with the names that there are.

    >>> rule_named("paper-fig3").margin
    0.0
    """
    if name not in RULES:
        raise Misconfigured(f"there is no decision rule {name!r}; there are: {', '.join(RULES)}")
    return RULES[name]
