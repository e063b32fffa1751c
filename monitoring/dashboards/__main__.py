"""`python -m monitoring.dashboards`: write both dashboards to where Grafana's provisioning finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from monitoring.dashboards.devices import devices
from monitoring.dashboards.pipeline import pipeline

FOLDER: Final = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS: Final[dict[str, Callable[[], str]]] = {"devices.json": devices, "pipeline.json": pipeline}

if __name__ == "__main__":
    for name, make in DASHBOARDS.items():
        (FOLDER / name).write_text(make())
