"""An evaluation's figures in words, from its results.json alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from experiments.report.numbers import with_interval
from experiments.report.page import said

PACKAGE: Final = "experiments.evaluation.report"
Document = Mapping[str, Any]
Measured = Mapping[str, Any]


def per_cent(value: float | None, digits: int = 1) -> str:
    """Return a share in per cent.

    >>> per_cent(0.125), per_cent(None)
    ('12.5 %', '-')
    """
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def share(estimate: Measured, digits: int = 1) -> str:
    """Return a share with its interval.

    >>> share({"value": 0.5, "low": 0.25, "high": 0.75}, 0)
    '50 % (25 to 75)'
    """
    return with_interval(estimate["value"], estimate["low"], estimate["high"], f".{digits}f", 100, " %")


def rate(estimate: Measured) -> str:
    """Return false exclusions a device-week with interval."""
    return with_interval(estimate["value"], estimate["low"], estimate["high"], ".2f")


def points(estimate: Measured | None) -> str:
    """Return a difference of shares in points, with its interval."""
    return "-" if estimate is None else with_interval(estimate["value"], estimate["low"], estimate["high"], "+.1f", 100)


def count(number: float) -> str:
    """Return a count, or a mean of counts.

    >>> count(1200.0), count(5.3333)
    ('1,200', '5.3')
    """
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def delay(minutes: float | None) -> str:
    """Return how long it took."""
    return "never" if minutes is None else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def whose(document: Document) -> str:
    """Return of what kind the judged patients are."""
    return "real patients" if document["data"]["is_real"] else "simulated patients"


def sentences(document: Document, block: str) -> str:
    """Return a block of words.jinja that speaks of a document."""
    clean = document["clean"]
    shown = ("benign", "suspect", "quarantined", "probation")
    return said(
        PACKAGE,
        block,
        **document,
        whose=whose(document),
        per_cent=per_cent,
        rate=rate,
        events=[count(number) for number in clean["events"]],
        devices=count(sum(clean["devices"]) / len(clean["devices"])),
        states=[f"{state} {per_cent(clean['states'].get(state, 0.0), 2)}" for state in shown],
    )


def fired(event: Mapping[str, Any]) -> str:
    """Return what excluded a clean device: rules that spoke, else the scores that were averaged."""
    said = event["fired"]
    rules = [name for name in ("copy", "frozen", "replay") if said.get(name)]
    scores = ", ".join(
        f"{name} {said[kind]:+.1f}"
        for kind, name in (("family_free", "family-free score"), ("fast", "fast DNN"), ("slow", "slow DNN"))
        if said.get(kind) is not None
    )
    return f"{' and '.join(rules)} rule; {scores}" if rules else scores
