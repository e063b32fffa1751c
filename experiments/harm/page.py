"""The patients' study as tables, and as one HTML page of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from experiments.harm.threats import BARE, CHECK, LIVE, NOTHING, ORACLE
from experiments.report.numbers import with_interval
from experiments.report.page import Cover, Titled, page_of, said, sections_of
from experiments.report.tables import Table, table_of

PACKAGE: Final = "experiments.harm"
MET: Final = {True: "met", False: "missed", None: "-"}
Document = Mapping[str, Any]
sentence: Final = partial(said, PACKAGE)


def build_page(document: Mapping[str, Any]) -> str:
    """Return the page of a results document."""
    cards = (
        (str(len(document["runs"])), "runs a seed"),
        (str(len(document["plan"]["seeds"])), "seeds"),
        (str(len({name for who in document["patients"] for name in (*who["attacked"], *who["others"])})), "devices"),
    )
    cover = Cover("What poisoned data does to a federation", sentence("intro"), cards)
    return page_of(cover, sections_of(PACKAGE, _titled(document)), document["command"])


def headlines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the command says at its end."""
    for goal in document["goals"]:
        if goal["met"] is not None:
            yield f"{goal['name']}: {goal['value']:.2f}, wanted {goal['direction']} {goal['goal']:g}"
    measured = [goal["met"] for goal in document["goals"] if goal["met"] is not None]
    yield f"{sum(measured)} of {len(measured)} goals met."


def _titled(document: Mapping[str, Any]) -> Iterator[Titled]:
    yield "goals", "Goals", goal_table(document)
    yield "harm", "What attacks cost", harm_table(document)
    yield "rules", "Rules", rules_table(document)
    yield "shares", "By the share of attacked devices", shares_table(document)
    if (table := paper_table(document)).rows:
        yield "paper", "The paper's Table II", table


def harm_table(document: Document) -> Table:
    """Return what each attack costs at two of five without defence, with the live gate, the oracle's and the check of labels."""
    return table_of(_harm(document), caption="Two of five attacked: what the others lose")


def _harm(document: Document) -> Iterator[dict[str, str]]:
    runs = _runs(document)
    for group in _groups(document, lambda poisoned, devices: 5 * poisoned == 2 * devices):
        for threat in dict.fromkeys(run["threat"] for run in document["runs"] if run["group"] == group):
            ways = [runs.get((group, threat, way.name)) for way in (BARE, LIVE, ORACLE, CHECK)]
            yield {
                "task": runs[group, NOTHING.name, BARE.name]["task"], "threat": threat, "no defence": _cost(ways[0]),
                "live gate": _cost(ways[1]), "oracle gate": _cost(ways[2]), "label check": _cost(ways[3]),
                "measured": _measured(ways[0]), "alarms silenced": _share(ways[0], "silenced"),
                "poisoned minutes, no defence": _minutes(ways[0]), "with the live gate": _minutes(ways[1]),
            }  # fmt: skip


def rules_table(document: Document) -> Table:
    """Return what robust rules by themselves are worth, and beside a gate."""
    return table_of(_by_defence(document), caption="Rules at two of five attacked: what the others lose")


def _by_defence(document: Document) -> Iterator[dict[str, str]]:
    for group in _groups(document, lambda poisoned, devices: 5 * poisoned == 2 * devices):
        of_group = [run for run in document["runs"] if run["group"] == group]
        for defence in dict.fromkeys(run["defence"] for run in of_group):
            cells = {run["threat"]: run for run in of_group if run["defence"] == defence}
            yield {"task": of_group[0]["task"], "defence": defence} | {
                column: _cost(cells.get(column)) for column in COLUMNS
            }


COLUMNS: Final = (
    NOTHING.name,
    "data-poisoning-2, strong",
    "label-flip, strong",
    "targeted backdoor",
    "free-rider",
    "sybil",
)


def shares_table(document: Document) -> Table:
    """Return the main threats by the share of devices that is attacked."""
    return table_of(_by_share(document), caption="By the share of attacked devices: what the others lose")


def _by_share(document: Document) -> Iterator[dict[str, str]]:
    runs = _runs(document)
    for group in _groups(document, lambda *_: True):
        for threat in COLUMNS[1:]:
            if (group, threat, BARE.name) in runs and "the five" not in group:
                bare, live, oracle, check = (runs.get((group, threat, way.name)) for way in (BARE, LIVE, ORACLE, CHECK))
                yield {
                    "federation": group, "threat": threat, "no defence": _cost(bare), "live gate": _cost(live),
                    "oracle gate": _cost(oracle), "label check": _cost(check),
                }  # fmt: skip


def paper_table(document: Document) -> Table:
    """Return the paper's Table II on the five patients: errors without attack and under each one, with and without the gate."""
    shown = (run for run in document["runs"] if run["group"].endswith("the five"))
    return table_of(
        (
            {
                "network": run["task"],
                "threat": run["threat"],
                "gate": run["defence"],
                "measured": _measured(run),
                "lost": _cost(run),
                "poisoned minutes": _minutes(run),
                "updates of the attacked device taken": f"{run['taken']:.0%}",
            }
            for run in shown
        ),
        caption="The paper's Table II on five MIMIC-III patients, one of them attacked",
    )


def goal_table(document: Document) -> Table:
    """Return every goal beside what was measured."""
    return table_of(
        (
            {
                "goal": goal["name"],
                "measured": _number(goal["value"]),
                "95 % interval": "-"
                if goal["interval"][0] is None
                else f"{goal['interval'][0]:.2f} to {goal['interval'][1]:.2f}",
                "wanted": f"{goal['direction']} {goal['goal']:g}",
                "": MET[goal["met"]] + (f" ({goal['note']})" if goal["note"] else ""),
            }
            for goal in document["goals"]
        ),
        [goal["met"] for goal in document["goals"]],
        caption="Goals",
    )


def _groups(document: Document, wanted: Any) -> Sequence[str]:
    plans = {f"{one['task']}, {one['poisoned']} of {one['devices']}": one for one in document["plan"]["groups"]}
    names = dict.fromkeys(run["group"] for run in document["runs"])
    return [name for name in names if name in plans and wanted(plans[name]["poisoned"], plans[name]["devices"])]


def _runs(document: Document) -> dict[tuple[str, str, str], Document]:
    return {(run["group"], run["threat"], run["defence"]): run for run in document["runs"]}


def _cost(run: Document | None) -> str:
    return _share(run, "cost")


def _share(run: Document | None, name: str) -> str:
    if run is None:
        return "-"
    value = run[name]
    return with_interval(value["value"], value["low"], value["high"], ".0f", 100, " %")


def _measured(run: Document | None) -> str:
    if run is None:
        return "-"
    if run["auroc"] is not None:
        return f"AUROC {run['auroc']:.2f}"
    return f"{run['heart_bpm']:.1f} bpm, {run['resp_per_min']:.2f} /min"


def _minutes(run: Document | None) -> str:
    return "-" if run is None else f"{run['poisoned_min']:,.0f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
