"""Tell README and docs what the results.json files of docs/results say: `python -m fedsecure.report.refresh`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from contracts.errors import Misconfigured
from experiments.evaluation.report.files import ablations_block, files_of, goals_block, results_block
from experiments.evaluation.report.words import sentences
from experiments.export.files import export_block, tables_of
from experiments.federation.files import federation_block, federation_line
from experiments.harm.files import patients_block, patients_line, tables

ROOT: Final = Path(__file__).parents[2]
EVALUATION: Final = Path("docs/results/evaluation")
FEDERATION: Final = Path("docs/results/federation")
PATIENTS: Final = FEDERATION / "patients"
EXPORT: Final = Path("docs/results/export")
Render = Callable[[Mapping[str, Any]], str]
README: Final = Path("README.md")


def apart(render: Render) -> Render:
    """Return a block's renderer with empty lines around what it renders, so that tables are tables."""
    return lambda document: f"\n\n{render(document)}\n\n"


BLOCKS: Final[dict[str, tuple[Path, Path, Render]]] = {
    "evaluation headline": (EVALUATION, README, lambda document: sentences(document, "readme")),
    "evaluation goals": (EVALUATION, README, apart(goals_block)),
    "evaluation ablations": (EVALUATION, Path("docs/detection.md"), apart(ablations_block)),
    "evaluation results": (EVALUATION, Path("docs/evaluation.md"), apart(results_block)),
    "federation headline": (FEDERATION, README, federation_line),
    "federation results": (FEDERATION, Path("docs/federation.md"), apart(federation_block)),
    "patients headline": (PATIENTS, README, patients_line),
    "patients results": (PATIENTS, Path("docs/federation.md"), apart(patients_block)),
    "export table": (EXPORT, Path("docs/export.md"), apart(export_block)),
}
"""A block's name, whose results it tells, where it stands, and what it holds."""
FILES: Final[dict[Path, Callable[[Mapping[str, Any]], dict[str, str]]]] = {
    EVALUATION: files_of,
    EXPORT: tables_of,
    PATIENTS: tables,
}
"""Files beside a results.json that say the same."""


def read_results(root: Path, folder: Path) -> dict[str, Any]:
    """Return the content of the results that a checkout holds in a folder."""
    document: dict[str, Any] = json.loads((root / folder / "results.json").read_bytes())
    return document


def refreshed(root: Path) -> dict[Path, str]:
    """Return every file that repeats the results, by its path in the checkout, as it should be. Reads the texts as they are."""
    folders = {folder for folder, _, _ in BLOCKS.values()} | FILES.keys()
    documents = {folder: read_results(root, folder) for folder in folders}
    texts = {
        folder / name: text for folder, render in FILES.items() for name, text in render(documents[folder]).items()
    }
    for name, (folder, path, render) in BLOCKS.items():
        before = texts[path] if path in texts else (root / path).read_text(encoding="utf-8")
        texts[path] = with_block(before, name, render(documents[folder]))
    return texts


def with_block(text: str, name: str, content: str) -> str:
    """Return the text with other content between the markers of a block. Raises Misconfigured unless they are there once."""
    begin, end = (f"<!-- {name}: {edge} -->" for edge in ("begin", "end"))
    parts = re.split(f"{re.escape(begin)}.*?{re.escape(end)}", text, flags=re.DOTALL)
    if len(parts) != 2:
        raise Misconfigured(f"{begin} … {end} must stand once in the text; it stands there {len(parts) - 1} times")
    return f"{begin}{content}{end}".join(parts)


def main() -> None:
    """Write them."""
    for path, text in refreshed(ROOT).items():
        (ROOT / path).write_text(text, encoding="utf-8")
        typer.echo(f"wrote {path}")


if __name__ == "__main__":
    main()
