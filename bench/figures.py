"""The figures that README and docs/operations.md repeat of what was measured, each with its machine and its day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.page import number, shown, table_of
from bench.row import Row
from experiments.report.tables import Table, table_markdown


@dataclass(frozen=True, slots=True)
class Kept:
    """A measurement that the checkout keeps, and the machine that it was made on."""

    rows: list[Row]
    machine: Mapping[str, Any]

    @property
    def when(self) -> str:
        """The day and the commit."""
        return f"{self.machine['date']}, commit {self.machine['commit']}"

    @property
    def where(self) -> str:
        """The machine."""
        return "{processor}, {cores} cores, {memory_gb:.0f} GB".format(**self.machine)


KeptResults = Mapping[str, Kept]
OPERATED: Final[Mapping[str, tuple[str, ...]]] = {
    "worker": ("one worker, ", "its processor time a minute, ", "two workers to one, "),
    "start": ("",),
    "latency": ("",),
    "scale": ("",),
    "score": ("",),
    "images": ("",),
}
"""What whoever runs it wants to know: of which measurement the figures whose names begin so."""
SAID: Final = (
    ("worker", "one worker, 32 a message", "a worker judges {} where a message holds 32 minutes"),
    ("worker", "one worker, 1 a message", "{} where it holds one"),
    ("start", "start to first verdict, warm file cache", "its first verdict falls {} after its start"),
    ("start", "memory of a worker with 100 devices", "it takes {} with 100 devices"),
    ("latency", "from sending to status, real time, 1,000 devices, p99", "99 of 100 minutes are judged within {}"),
    ("score", "score, one core, loading included", "`fedsecure score` judges {} on one core"),
)
"""What the README says, of which measurement and figure."""

A_ROUND: Final = (
    "devices asked",
    "of whom slow or dead",
    "a round",
    "the coordinator's processor time a round",
    "the coordinator's memory at most",
    "bytes a round between all programs",
    "a round's records on `fl.rounds`",
)
"""What docs/federation.md says of a round, a column for each federation that was measured; and, below, what comes of them."""
GROWN: Final = ("its ", "rounds that made a model")


def figures_table(kept: KeptResults) -> str:
    """Return the table of docs/operations.md: those figures that there are."""
    rows = [(row.name + (f" ({row.note})" if row.note else ""), shown(row), each.when) for each, row in _operated(kept)]
    machines = dict.fromkeys(each.where for each, _ in _operated(kept))
    return f"Measured on {' and on '.join(machines)}.\n\n{table_markdown(Table(('', 'measured', 'on'), tuple(rows)))}"


def rounds_table(kept: KeptResults) -> str:
    """Return the tables of docs/federation.md: a round by the size of the federation, what follows, and what rules take. Empty until measured."""
    if "federation" not in kept:
        return ""
    each = kept["federation"]
    said = {row.name.partition(", ")[::2]: shown(row) for row in each.rows}
    whose = dict.fromkeys(who for figure, who in said if figure == "a round")
    a_round = [(figure, *(said.get((figure, who), "") for who in whose)) for figure in A_ROUND]
    follows = table_of([row for row in each.rows if row.name.startswith(GROWN)])
    rules = table_of([row for row in each.rows if " updates of " in row.name])
    tables = [Table(("", *whose), tuple(a_round)), follows, rules]
    return "\n\n".join([f"Measured on {each.where}, {each.when}.", *map(table_markdown, tables)])


def headline(kept: KeptResults) -> str:
    """Return the README's sentence."""
    said: list[str] = []
    used: list[Kept] = []
    for name, figure, words in SAID:
        for row in kept[name].rows if name in kept else ():
            if row.name == figure:
                said.append(words.format(f"{number(row.value)} {_unit(row)}"))
                used.append(kept[name])
    days = sorted({str(each.machine["date"]) for each in used})
    machines = " and on ".join(dict.fromkeys(each.where for each in used))
    return f"On {machines}, {' and '.join(days)}: {'; '.join(said)}."


def _unit(row: Row) -> str:
    return row.unit.replace("/s", " a second")


def _operated(kept: KeptResults) -> Iterator[tuple[Kept, Row]]:
    for name, beginnings in OPERATED.items():
        for row in kept[name].rows if name in kept else ():
            if row.name.startswith(beginnings):
                yield kept[name], row
