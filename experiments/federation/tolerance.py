"""By how much honest rounds and ruined ones change what devices find: `python -m experiments.federation.tolerance` prints the table.

The tolerance of a federation was chosen by it (docs/federation.md). Nothing is rejected here. The seeds are of no test and of no study.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from rich.progress import track

from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.detector import Detector
from experiments.federation.engine import Federation, World
from experiments.federation.plan import FULL, Plan, Run
from experiments.federation.study import judged_patients, world_of
from experiments.federation.tasks import STUDIED

SEEDS: Final = (51, 52, 53)
HONEST: Final = Run("honest", gate="live", accept=True, rule="trimmed-mean", screen=True)
QUANTILES: Final = (0.0, 0.05, 0.5, 0.95, 1.0)
OPEN: Final = replace(FULL, seeds=SEEDS, rounds=15, attacks=(), learning_rate=1e-3, tolerance=float("inf"))


def kinds() -> Iterator[tuple[str, Run, Plan, bool]]:
    """Yield what is compared: its name, run and plan, and whether it begins with the bundle's network as a live federation does."""
    yield "honest, from the bundle's network", HONEST, OPEN, True
    yield "honest, from untrained weights", HONEST, OPEN, False
    yield (
        "two of five flip their updates' sign, FedAvg",
        Run("flip", gate="live", accept=True, update_attack="sybil"),
        OPEN,
        True,
    )
    for rate in (3e-3, 1e-2, 1e-1, 1.0):
        yield f"learning rate {rate:g}, from the bundle's network", HONEST, replace(OPEN, learning_rate=rate), True


def main() -> None:
    """Print the quantiles of the devices' median change over all rounds and seeds, a line a kind."""
    bundle = load_bundle(DEFAULT_BUNDLE)
    found: dict[str, list[float]] = {}
    for seed in track(SEEDS, description="seeds"):
        judged = judged_patients(Detector.of(bundle), OPEN, seed)
        world = world_of(judged, OPEN, seed, STUDIED["reconstruction"], bundle)
        for name, run, plan, is_trained in kinds():
            begun: World = replace(world, initial=bundle.parameters.network) if is_trained else world
            outcome = Federation(STUDIED["reconstruction"], plan, begun).carry_out(run, lambda _share: None)
            found.setdefault(name, []).extend(outcome.change[~np.isnan(outcome.change)].tolist())
    print("| rounds | n | least | 5 % | median | 95 % | most | above .02 |")  # noqa: T201 - a table is what it is for
    print("|---|---|---|---|---|---|---|---|")  # noqa: T201
    for name, changes in found.items():
        cells = " | ".join(f"{value:+.4f}" for value in np.quantile(changes, QUANTILES))
        print(f"| {name} | {len(changes)} | {cells} | {np.mean(np.array(changes) > 0.02):.1%} |")  # noqa: T201


if __name__ == "__main__":
    main()
