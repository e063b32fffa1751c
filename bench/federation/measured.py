"""Rounds with more and more devices: what one costs the coordinator, and how that grows; and what each rule holds of a thousand updates."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Sequence
from typing import Final

import numpy as np
import typer

from bench.federation.trial import Measured, Trial, run_trial
from bench.row import Row, repeated
from bench.services import local_services
from contracts.messages.federation import RoundPhase
from fl_coordinator.aggregation.base import AggregationRule, aggregation_rules
from fl_coordinator.aggregation.stacking import Stack
from fl_coordinator.updates.outliers import outliers
from fl_coordinator.updates.spool import UpdateSpool

SIZES: Final = (10, 100)
WHOLE_SIZES: Final = (10, 100, 1_000)
ROUNDS: Final = 5
LIVED: Final = Trial(1_000, 20, slow_hosts=2, dies=True, target=300)
"""A thousand devices in twenty hosts: two are too slow for every round, and in each round another one is killed, a twentieth of all."""
WEIGHTS: Final = 9_400
GROWTH_GOAL: Final = 1.1
SEED: Final = 5
LIVELY: Final = "two of 20 hosts too slow, another killed in each round"


def measure(*, quick: bool) -> list[Row]:
    """Return what a round costs with ten and a hundred devices; a thousand only with `python -m bench federation --whole`."""
    sizes, updates = ((10, 20), 50) if quick else (SIZES, 200)
    with local_services() as endpoints:
        grown = {size: run_trial(endpoints, Trial(size, 1 if quick else ROUNDS), _tell) for size in sizes}
    return [*growth_rows(grown), *rule_rows(updates)]


def measure_whole() -> list[Row]:
    """Return the same up to a thousand devices, and twenty rounds in which devices are slow and die."""
    with local_services() as endpoints:
        grown = {size: run_trial(endpoints, Trial(size, ROUNDS), _tell) for size in WHOLE_SIZES}
        lived = run_trial(endpoints, LIVED, _tell)
    return [*growth_rows(grown), *lived_rows(lived), *rule_rows(1_000)]


def growth_rows(grown: dict[int, list[Measured]]) -> list[Row]:
    """Return each size's costs a round, and by which power of the number of devices they grow from the last size but one to the last."""
    rows = [row for size, rounds in grown.items() for row in _rows(f"{size:,} devices", rounds)]
    few, many = list(grown)[-2:]
    for name, costs in (("processor time", "cpu_s"), ("bytes", "loopback_bytes"), ("memory", "peak_mb")):
        first, last = (float(np.median([getattr(each, costs) for each in grown[size]])) for size in (few, many))
        power = math.log(last / first) / math.log(many / few)
        goal = GROWTH_GOAL if costs == "cpu_s" else None
        rows.append(
            Row(f"its {name} grows from {few:,} to {many:,} devices with their number to the power of", power, "", goal)
        )
    return rows


def lived_rows(rounds: Sequence[Measured]) -> list[Row]:
    """Return what twenty rounds cost, and what came of them."""
    name = f"{LIVED.devices:,} devices, {LIVED.target} answers wanted"
    committed = sum(each.record.phase is RoundPhase.COMMITTED for each in rounds)
    excluded = [list(each.record.excluded.values()) for each in rounds]
    lost = [sum(reason in {"straggler", "no_answer"} for reason in reasons) for reasons in excluded]
    drawn = [float(len(each.record.cohort)) for each in rounds]
    return [
        Row(f"rounds that made a model, {name}", committed, f"of {len(rounds)}", len(rounds), "least", note=LIVELY),
        repeated(f"devices asked, {name}", drawn, "devices"),
        repeated(f"of whom slow or dead, {name}", [float(each) for each in lost], "devices"),
        *_rows(name, rounds),
    ]


def _rows(name: str, rounds: Sequence[Measured]) -> list[Row]:
    return [
        repeated(f"a round, {name}", [each.took_s for each in rounds], "s"),
        repeated(f"the coordinator's processor time a round, {name}", [each.cpu_s for each in rounds], "s"),
        repeated(f"bytes a round between all programs, {name}", [each.loopback_bytes / 1e6 for each in rounds], "MB"),
        repeated(f"a round's records on `fl.rounds`, {name}", [each.record_bytes / 1e3 for each in rounds], "kB"),
        Row(f"the coordinator's memory at most, {name}", max(each.peak_mb for each in rounds), "MB"),
    ]


def rule_rows(updates: int) -> list[Row]:
    """Return the time and the memory that screening and each rule take of so many updates of the detector's network."""
    spool = UpdateSpool()
    rng = np.random.default_rng(SEED)
    for number in range(updates):
        spool.put(str(number), rng.normal(size=WEIGHTS).astype(np.float32))
    stack = Stack(spool.rows([str(number) for number in range(updates)]), np.ones(updates), np.zeros(WEIGHTS))
    name = f"{updates:,} updates of {WEIGHTS:,} weights"
    rows = [Row(f"all of them at once, {name}", updates * WEIGHTS * 8 / 1e6, "MB", note="reckoned")]
    for what, work in (("the screen", outliers), *((rule.name, rule.combine) for rule in _rules())):
        began = time.process_time()
        work(stack)
        rows.append(Row(f"{what}, {name}", time.process_time() - began, "s"))
        tracemalloc.start()
        work(stack)
        rows.append(Row(f"memory of {what}, {name}", tracemalloc.get_traced_memory()[1] / 1e6, "MB"))
        tracemalloc.stop()
    spool.clear()
    return rows


def _rules() -> list[AggregationRule]:
    return [rule for _, rule in sorted(aggregation_rules().items())]


def _tell(what: str) -> None:
    typer.echo(f"  {what}", err=True)
