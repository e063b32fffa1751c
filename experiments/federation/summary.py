"""What README and docs repeat of the federation study, made from nothing but the content of its results.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from experiments.federation.plan import BASELINE, FLIP, OTHER_NETWORKS, WORST
from experiments.report.numbers import with_interval

Document = Mapping[str, Any]
NETWORKS: Final = ("", *(f"{task}, " for task in OTHER_NETWORKS))
_MARKS: Final = {True: "met", False: "**missed**", None: "not measured"}


def federation_line(document: Document) -> str:
    """Return the sentence that README holds."""
    runs = _runs(document)
    bare, gated = (runs[f"{WORST}, {gate} gate"] for gate in ("no", "live"))
    met = [goal["met"] for goal in document["goals"] if goal["met"] is not None]
    return (
        f"with one device of five poisoned ({WORST}), {bare['poisoned_minutes']:,.0f} poisoned minutes are trained on without the gate and "
        f"{gated['poisoned_minutes']:,.0f} with the live detector's, and the loss is {bare['ratio']['value']:.2f} and {gated['ratio']['value']:.2f} of the "
        f"clean federation's; {len(document['plan']['seeds'])} seeds, {sum(met)} of {len(met)} goals met; the gate was detector `{document['bundle_sha256'][:8]}`"
    )


def federation_block(document: Document) -> str:
    """Return the tables that docs/federation.md holds."""
    plan = document["plan"]
    made = (
        f"`{document['command']}`: {len(plan['seeds'])} seeds, {plan['rounds']} rounds, {len(document['runs'])} runs each, detector "
        f"`{document['bundle_sha256'][:12]}`."
    )
    return "\n".join([made, "", *_of_runs(document), "", *_of_labels(document), "", *_of_goals(document)])


def _of_runs(document: Document) -> Iterator[str]:
    """Yield loss in units of the baseline's and poisoned minutes trained on, by attack, network and gate."""
    runs = _runs(document)
    yield "| run | no gate | live gate | oracle gate | poisoned minutes trained on: no gate | live gate | live gate, no delay |"
    yield "|---|---|---|---|---|---|---|"
    for network in NETWORKS:
        for attack in document["plan"]["attacks"]:
            if f"{network}{attack}, no gate" in runs:
                found = [runs.get(f"{network}{attack}, {gate}") for gate in (*_GATES, "live gate without delay")]
                cells = [_ratio(one) for one in found[:3]]
                minutes = ["-" if one is None else f"{one['poisoned_minutes']:,.0f}" for one in (*found[:2], found[3])]
                yield f"| {network or 'reference, '}{attack} | {' | '.join(cells + minutes)} |"


_GATES: Final = ("no gate", "live gate", "oracle gate")


def _of_labels(document: Document) -> Iterator[str]:
    runs = _runs(document)
    yield "| flipped labels, two of five | hours told right |"
    yield "|---|---|"
    for name in (
        f"classification, {BASELINE}",
        *(f"{FLIP}, {way}" for way in (*_GATES, "update defence", "live gate, update defence")),
    ):
        yield f"| {name.removeprefix('classification, ')} | {runs[name]['accuracy']:.1%} |"


def _of_goals(document: Document) -> Iterator[str]:
    yield "| goal | measured | 95 % interval | wanted | |"
    yield "|---|---|---|---|---|"
    for goal in document["goals"]:
        low, high = goal["interval"]
        interval = "-" if low is None else f"{low:.2f} to {high:.2f}"
        value = "-" if goal["value"] is None else f"{goal['value']:.2f}"
        yield f"| {goal['name']} | {value} | {interval} | {goal['direction']} {goal['goal']:g} | {_MARKS[goal['met']]} |"


def _ratio(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "-"
    return with_interval(run["ratio"]["value"], run["ratio"]["low"], run["ratio"]["high"], ".2f")


def _runs(document: Document) -> dict[str, Mapping[str, Any]]:
    return {run["run"]: run for run in document["runs"]}
