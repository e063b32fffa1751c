"""Tell README and docs what the results.json files of docs/results say: `python -m fedsecure.report.refresh`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import typer

from contracts.errors import Misconfigured
from experiments.export_summary import export_block, export_line, tables_of
from experiments.federation_summary import federation_block, federation_line
from experiments.grid_summary import headline_words, short_block, summary_block
from fedsecure.report.evaluation import short_files

ROOT: Final = Path(__file__).parents[2]
EVALUATION: Final = Path("docs/results/evaluation")
FEDERATION: Final = Path("docs/results/federation")
EXPORT: Final = Path("docs/results/export")
BLOCKS: Final = {
    "evaluation headline": (EVALUATION, Path("README.md"), headline_words),
    "evaluation goals": (EVALUATION, Path("README.md"), lambda document: f"\n\n{short_block(document)}\n\n"),
    "evaluation results": (
        EVALUATION,
        Path("docs/evaluation.md"),
        lambda document: f"\n\n{summary_block(document)}\n\n",
    ),
    "federation headline": (FEDERATION, Path("README.md"), federation_line),
    "federation results": (
        FEDERATION,
        Path("docs/federation.md"),
        lambda document: f"\n\n{federation_block(document)}\n\n",
    ),
    "export headline": (EXPORT, Path("README.md"), export_line),
    "export table": (EXPORT, Path("docs/export.md"), lambda document: f"\n\n{export_block(document)}\n\n"),
}


def read_results(root: Path, folder: Path) -> dict[str, Any]:
    """Return the content of the results that a checkout holds in a folder."""
    document: dict[str, Any] = json.loads((root / folder / "results.json").read_bytes())
    return document


def refreshed(root: Path) -> dict[Path, str]:
    """Return every file that repeats the results, by its path in the checkout, as it should be; reads the texts as they are."""
    documents = {folder: read_results(root, folder) for folder in (EVALUATION, FEDERATION, EXPORT)}
    texts = {EVALUATION / name: text for name, text in short_files(documents[EVALUATION]).items()}
    texts |= {EXPORT / name: text for name, text in tables_of(documents[EXPORT]).items()}
    for name, (folder, path, render) in BLOCKS.items():
        before = texts[path] if path in texts else (root / path).read_text(encoding="utf-8")
        texts[path] = with_block(before, name, render(documents[folder]))
    return texts


def with_block(text: str, name: str, content: str) -> str:
    """Return the text with other content between the markers of a block; raises Misconfigured unless they are there once."""
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
