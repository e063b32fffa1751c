"""What README and docs say of costs, out of the results that the checkout keeps: `python -m bench.docs`, and after `make bench`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.figures import Kept, KeptResults, figures_table, headline, rounds_table
from bench.page import TITLES, table_of
from bench.row import Row
from experiments.report.tables import table_markdown
from fedsecure.report.refresh import README, with_block

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "bench/results"
PAGE: Final = Path("docs/performance.md")
OPERATIONS: Final = Path("docs/operations.md")
FEDERATION: Final = Path("docs/federation.md")


def kept_results(folder: Path = RESULTS) -> dict[str, Kept]:
    """Return every kept measurement by name, in the order of their titles."""
    documents = {path.stem: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    return {
        name: Kept([Row(**row) for row in documents[name]["rows"]], documents[name]["machine"])
        for name in TITLES
        if name in documents
    }


def tables(kept: KeptResults) -> str:
    """Return every table in full."""
    return "\n\n".join(
        f"**{TITLES[name]}**\n\nMeasured on {each.where}, {each.when}.\n\n{table_markdown(table_of(each.rows))}"
        for name, each in kept.items()
    )


def _apart(render: Callable[[KeptResults], str]) -> Callable[[KeptResults], str]:
    return lambda kept: f"\n\n{render(kept)}\n\n"


BLOCKS: Final[Mapping[str, tuple[Path, Callable[[KeptResults], str]]]] = {
    "performance tables": (PAGE, _apart(tables)),
    "performance figures": (OPERATIONS, _apart(figures_table)),
    "performance rounds": (FEDERATION, _apart(rounds_table)),
    "performance headline": (README, headline),
}
"""A block's name, where it stands, and what it holds."""


def refreshed(root: Path = ROOT) -> dict[Path, str]:
    """Return the pages as they should be, by their path in the checkout."""
    kept, texts = kept_results(root / "bench/results"), dict[Path, str]()
    for name, (path, render) in BLOCKS.items():
        texts[path] = with_block((root / path).read_text("utf-8"), name, render(kept))
    return texts


def refresh() -> None:
    """Write them."""
    for path, text in refreshed().items():
        (ROOT / path).write_text(text, "utf-8")


if __name__ == "__main__":
    refresh()
