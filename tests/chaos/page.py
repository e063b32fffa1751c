"""The page of all runs: a table of what went wrong and how long it took to heal, and a picture of the same."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from chaos.results import Results
from chaos.run import Outcome
from experiments.report.figures import BLUE, GREY, STYLE, VERMILION, canvas, legend_above, to_picture

FIGURE = "time-to-heal.svg"
TABLE = "table.md"


def write_page(folder: Path) -> None:
    """Write `table.md` and `time-to-heal.svg` beside the results."""
    results = Results(folder)
    newest = [outcome for _, outcome in sorted(results.newest().items())]
    if not newest:
        return
    (folder / TABLE).write_text("\n\n".join([summary(results.all()), by_kind(newest), by_seed(newest)]) + "\n")
    (folder / FIGURE).write_text(_figure(newest))


def summary(runs: Sequence[Outcome]) -> str:
    """Say how many seeds were run, how many failed at first, and what all of them amounted to."""
    first: dict[int, Outcome] = {}
    newest: dict[int, Outcome] = {}
    for outcome in runs:
        first.setdefault(outcome.seed, outcome)
        newest[outcome.seed] = outcome
    struck = [each for outcome in newest.values() for each in outcome.disasters if "left_out" not in each]
    counts: dict[str, int] = defaultdict(int)
    for outcome in newest.values():
        for name, count in outcome.counts.items():
            counts[name] += count
    failed = sorted(seed for seed, outcome in first.items() if not outcome.passed)
    still = sorted(seed for seed, outcome in newest.items() if not outcome.passed)
    return (
        f"{len(newest)} seeds, {len(struck)} disasters. {len(failed)} seeds failed when they were first run"
        f"{_listed(failed)}; {len(still)} fail in their newest run{_listed(still)}. Together {counts['minutes']:,} minutes of vitals, "
        f"{counts['changes of state']} changes of state, {counts['rounds committed']} rounds with a model "
        f"({counts['rounds skipped']} skipped, {counts['rounds failed']} failed), {counts['updates in models']} updates in models; "
        f"{counts['published again']} verdicts were published again, word for word the same."
    )


def _listed(seeds: Sequence[int]) -> str:
    return f" ({', '.join(map(str, seeds))})" if seeds else ""


def by_kind(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the kinds of disaster: how often, time to heal (median, longest), the limit."""
    of_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        for each in outcome.disasters:
            of_kind[kind_of(each)].append(each)
    rows = [
        "| disaster | n | healed after (median) | longest | limit, at most | healed later |",
        "|---|---|---|---|---|---|",
    ]
    for kind, struck in sorted(of_kind.items()):
        healed = [each["heal_s"] for each in struck if each.get("heal_s") is not None]
        limits = [each["limit_s"] for each in struck if "limit_s" in each]
        late = sum(_is_late(each) for each in struck)
        middle, longest = (f"{statistics.median(healed):.1f} s", f"{max(healed):.1f} s") if healed else ("", "")
        limit = f"{max(limits):.0f} s" if limits else "left out"
        rows.append(f"| {kind} | {len(struck)} | {middle} | {longest} | {limit} | {late or ''} |")
    return "\n".join(rows)


def _is_late(disaster: dict[str, Any]) -> bool:
    """Return whether a disaster took longer to heal than stated, within the patience of the run or not."""
    return "limit_s" in disaster and (disaster["heal_s"] is None or disaster["heal_s"] > disaster["limit_s"])


def kind_of(disaster: dict[str, Any]) -> str:
    """Return the kind of a disaster as the tables count it: two at once are one kind, of the network only the service counts."""
    faults = disaster["faults"]
    if len(faults) > 1:
        return "two at once"
    (fault,) = faults
    if fault["service"]:
        return f"network to {fault['service']}: {fault['kind']}"
    return f"{fault['kind']} {fault['target'].removesuffix('-1').removesuffix('-2')}"


def by_seed(outcomes: Sequence[Outcome]) -> str:
    """Return a table with a line a disaster."""
    rows = [
        "| seed | at minute | disaster | held | healed after | a round ended after | found |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        for number, each in enumerate(outcome.disasters):
            held = max(fault["hold_s"] for fault in each["faults"])
            found = "; ".join(outcome.faults) if number == len(outcome.disasters) - 1 else ""
            healed, ended = (_seconds(each.get(key)) for key in ("heal_s", "round_s"))
            if "left_out" in each:
                healed = "left out"
            rows.append(
                f"| {outcome.seed} | {each.get('at_min', '')} | {each['what']} | {held:g} s | {healed} | {ended} | {found or 'as undisturbed'} |"
            )
    return "\n".join(rows)


def _seconds(value: float | None) -> str:
    return "not in time" if value is None else f"{value:.1f} s"


def _figure(outcomes: Sequence[Outcome]) -> str:
    of_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for outcome in outcomes:
        for each in outcome.disasters:
            if "limit_s" in each:
                of_kind[kind_of(each)].append(each)
    kinds = sorted(of_kind, reverse=True)
    with mpl.rc_context(STYLE):
        figure, axes = canvas(1.2 + 0.24 * len(kinds))
        for row, kind in enumerate(kinds):
            healed = [each["heal_s"] for each in of_kind[kind] if each["heal_s"] is not None]
            late = [each["limit_s"] for each in of_kind[kind] if each["heal_s"] is None]
            axes.plot(healed, [row] * len(healed), "o", color=BLUE, alpha=0.6, label="healed" if row == 0 else None)
            axes.plot(late, [row] * len(late), "x", color=VERMILION, label="not in time" if row == 0 else None)
            limit = max(each["limit_s"] for each in of_kind[kind])
            axes.plot([limit], [row], "|", color=GREY, markersize=12, label="limit" if row == 0 else None)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_xlabel("seconds from the end of the disaster until everything was well")
        axes.set_xlim(left=0)
        legend_above(axes, 3)
        return to_picture(figure, "Time to heal by kind of disaster")
