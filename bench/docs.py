"""What README and docs say of costs, out of the results that the checkout keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.page import markdown
from bench.row import Row
from fedsecure.report.refresh import with_block

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "bench/results"
Results = Mapping[str, Sequence[Row]]


def kept_results(folder: Path = RESULTS) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    """Return every kept measurement by name, and the machine of the last of them."""
    documents = {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    machine = max((document["machine"] for document in documents.values()), key=lambda machine: machine["date"])
    return {name: [Row(**row) for row in document["rows"]] for name, document in documents.items()}, machine


PAGE: Final = Path("docs/performance.md")
BLOCK: Final = "performance tables"


def refreshed(root: Path = ROOT) -> str:
    """Return the page as it should be: with all results in its block."""
    results, machine = kept_results(root / "bench/results")
    on = "Measured on {processor}, {cores} cores, {memory_gb:.0f} GB, {date}, at commit {commit}.".format(**machine)
    return with_block((root / PAGE).read_text("utf-8"), BLOCK, f"\n\n{on}\n\n{markdown(results)}\n\n")


def refresh() -> None:
    """Write it."""
    (ROOT / PAGE).write_text(refreshed(), "utf-8")
