"""Tell README and docs what docs/results/evaluation/results.json says: `python -m fedsecure.report.refresh`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import typer

from contracts.errors import Misconfigured
from experiments.grid_summary import headline_words, short_block, summary_block
from fedsecure.report.evaluation import short_files

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = Path("docs/results/evaluation")
BLOCKS: Final = {
    "headline": (Path("README.md"), headline_words),
    "goals": (Path("README.md"), lambda document: f"\n\n{short_block(document)}\n\n"),
    "results": (Path("docs/evaluation.md"), lambda document: f"\n\n{summary_block(document)}\n\n"),
}


def read_results(root: Path) -> dict[str, Any]:
    """Return the content of the results that a checkout holds."""
    document: dict[str, Any] = json.loads((root / RESULTS / "results.json").read_bytes())
    return document


def refreshed(root: Path) -> dict[Path, str]:
    """Return every file that repeats the results, by its path in the checkout, as it should be; reads the texts as they are."""
    document = read_results(root)
    texts = {RESULTS / name: text for name, text in short_files(document).items()}
    for name, (path, render) in BLOCKS.items():
        before = texts[path] if path in texts else (root / path).read_text(encoding="utf-8")
        texts[path] = with_block(before, name, render(document))
    return texts


def with_block(text: str, name: str, content: str) -> str:
    """Return the text with other content between the markers of a block; raises Misconfigured unless they are there once."""
    begin, end = (f"<!-- evaluation {name}: {edge} -->" for edge in ("begin", "end"))
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
