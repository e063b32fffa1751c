"""What README and docs say of costs, out of the results that the checkout keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.page import markdown, number
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


def headline(results: Results, machine: Mapping[str, Any]) -> str:
    """Return the costs that people plan with, in a few sentences."""
    values = {row.name: number(row.value) for rows in results.values() for row in rows}
    return HEADLINE.format(*(values[name] for name in HEADLINE_ROWS), **machine)


HEADLINE_ROWS: Final = (
    "a minute's judgement, 1 a message",
    "a minute's judgement, 30 a message",
    "one worker, 1 a message",
    "one worker, 32 a message",
    "start to first verdict, warm file cache",
    "memory of a worker with 100 devices",
    "memory of each device more",
)
HEADLINE: Final = (
    "A minute's judgement costs {} µs of one core, and {} µs where thirty come in a message. One worker goes through {} minutes "
    "a second at a minute a message, from Kafka to Redis and Kafka, and {} at 32. It gives its first verdict {} s after its "
    "start, and takes {} MB with 100 devices and {} kB for each device more. "
    "Measured on {cores} cores ({processor}, {date}): [performance.md](performance.md)."
)
BLOCKS: Final[dict[str, tuple[Path, Callable[[Results, Mapping[str, Any]], str]]]] = {
    "performance tables": (Path("docs/performance.md"), lambda results, _: f"\n\n{markdown(results)}\n\n"),
    "performance headline": (Path("docs/operations.md"), headline),
}


def refreshed(root: Path = ROOT) -> dict[Path, str]:
    """Return every page that repeats the results, by its path in the checkout, as it should be."""
    results, machine = kept_results(root / "bench/results")
    texts: dict[Path, str] = {}
    for name, (path, render) in BLOCKS.items():
        text = texts.get(path) or (root / path).read_text("utf-8")
        texts[path] = with_block(text, name, render(results, machine))
    return texts


def refresh() -> None:
    """Write them."""
    for path, text in refreshed().items():
        (ROOT / path).write_text(text, "utf-8")
