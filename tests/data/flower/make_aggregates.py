"""Writes aggregates.json: what Flower's own rules make of seeded arrays. See tests/data/README.md for the command."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from flwr.server.strategy.aggregate import aggregate, aggregate_krum, aggregate_median, aggregate_trimmed_avg

SHAPES = ((2, 3), (4,), (1,))
TRIMMED_SHARE = 0.2


def case(seed: int, count: int, outliers: int) -> dict[str, object]:
    """Draw `count` updates of float32 arrays, the last `outliers` of them far away, and aggregate them by every rule."""
    random = np.random.default_rng(seed)
    far = [50.0 if at >= count - outliers else 0.0 for at in range(count)]
    updates = [[(random.normal(size=shape) + shift).astype(np.float32) for shape in SHAPES] for shift in far]
    samples = [int(number) for number in random.integers(1, 200, count)]
    weighted, alike = list(zip(updates, samples, strict=True)), [(update, 1) for update in updates]
    liars = (count - 3) // 2
    made = {
        "fedavg": aggregate(weighted),
        "median": aggregate_median(weighted),
        "trimmed-mean": aggregate_trimmed_avg(weighted, TRIMMED_SHARE),
    }
    if liars < 1:
        made["krum below its bound"] = aggregate_krum(weighted, 1, 0)
    else:
        made["krum"] = aggregate_krum(weighted, liars, 0)
        made["multi-krum"] = aggregate_krum(alike, liars, count - liars)
        made["multi-krum weighted by samples"] = aggregate_krum(weighted, liars, count - liars)
    return {
        "seed": seed,
        "updates": [[layer.tolist() for layer in update] for update in updates],
        "samples": samples,
        "made": {name: [np.asarray(layer, np.float64).tolist() for layer in layers] for name, layers in made.items()},
    }


def main() -> None:
    plan = [(3, 0), (4, 1), (5, 0), (5, 1), (6, 1), (7, 2), (9, 3), (10, 2), (11, 4), (15, 3)]
    cases = [case(100 + at, count, outliers) for at, (count, outliers) in enumerate(plan)]
    folder = Path(__file__).parent
    (folder / "aggregates.json").write_text(json.dumps({"flwr": version("flwr"), "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
