"""An evaluation's figures in words, from its results.json alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.report.numbers import with_interval

Document = Mapping[str, Any]
Measured = Mapping[str, Any]


def per_cent(value: float | None, digits: int = 1) -> str:
    """Return a share in per cent.

    >>> per_cent(0.125), per_cent(None)
    ('12.5 %', '-')
    """
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def share(found: Measured, digits: int = 1) -> str:
    """Return a share with its interval.

    >>> share({"value": 0.5, "low": 0.25, "high": 0.75}, 0)
    '50 % (25 to 75)'
    """
    return with_interval(found["value"], found["low"], found["high"], f".{digits}f", 100, " %")


def rate(found: Measured) -> str:
    """Return false exclusions a device-week with interval."""
    return with_interval(found["value"], found["low"], found["high"], ".2f")


def points(found: Measured | None) -> str:
    """Return a difference of shares in points, with its interval."""
    return "-" if found is None else with_interval(found["value"], found["low"], found["high"], "+.1f", 100)


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


def headline(document: Document) -> str:
    """Return two sentences: what is found, and what is excluded by mistake."""
    core, clean, data = document["core"], document["clean"], document["data"]
    met = [goal["met"] for goal in document["goals"] if goal["met"] is not None]
    return (
        f"On {data['judged']} {whose(document)}, each judged by what others taught ({data['device_weeks']:.1f} device-weeks), the "
        f"detector excludes {per_cent(core['strong_2h']['value'])} of devices under a strong core attack within two hours, "
        f"{per_cent(core['medium_12h']['value'])} under a medium and {per_cent(core['subtle_12h']['value'])} under a subtle one "
        f"within twelve; a clean device is excluded {clean['a_week']['value']:.2f} times a week by mistake and is benign in "
        f"{per_cent(clean['benign'])} of its judged time. {sum(met)} of the {len(met)} goals that were measured are met."
    )


def readme_line(document: Document) -> str:
    """Return what README's first paragraph says of detection."""
    found = per_cent(document["core"]["strong_2h"]["value"])
    return (
        f"On {document['data']['judged']} {whose(document)}, each judged by what others taught, it excludes {found} of strongly attacked "
        f"devices within two hours, and a clean one {document['clean']['a_week']['value']:.2f} times a week."
    )


def data_sentences(document: Document) -> str:
    """Return who was judged, by what command."""
    data, plan = document["data"], document["plan"]
    seeds = "one seed" if plan["seeds"] == 1 else f"{plan['seeds']} seeds"
    return (
        f"{data['judged']} of {data['given']} {whose(document)} last long enough: {data['enrolled_a_day']} enrolled for a day, "
        f"{data['enrolled_ten_hours']} for ten hours; {data['device_weeks']:.1f} device-weeks are judged, with "
        f"{data['onsets_a_seed']} onsets of each attack and level a seed, {seeds}, {plan['folds']} folds, limits at "
        f"{plan['budget']:.2f} false exclusions a device-week. The network is that of bundle {document['bundle_sha256'][:12]}."
    )


def clean_sentences(document: Document) -> str:
    """Return what happens to clean devices."""
    clean = document["clean"]
    devices = sum(clean["devices"]) / len(clean["devices"])
    states = ", ".join(
        f"{state} {per_cent(clean['states'].get(state, 0.0), 2)}"
        for state in ("benign", "suspect", "quarantined", "probation")
    )
    text = (
        f"{rate(clean['a_week'])} a device-week (exclusions by seed: {_listed(clean['events'])}, in {clean['weeks']:.1f} device-weeks), on "
        f"{count(devices)} of {clean['of']} devices. Judged time by state: {states}."
    )
    episodes = document["episodes"]
    if episodes["judged"]:
        text += (
            f" Hypotensive episodes during which a device was excluded: {episodes['excluded']} of {episodes['judged']}."
        )
    long = document["long_stays"]
    if long["devices"]:
        text += (
            f" The {long['devices']} stays of two weeks or more (up to {long['longest_days']:.0f} days): "
            f"{rate(long['false_exclusions'])} a device-week."
        )
    return text


def _listed(numbers: list[float]) -> str:
    return ", ".join(count(number) for number in numbers)


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
