"""An evaluation as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from experiments.grid_exhibits import Exhibit
from experiments.grid_goals import goals
from experiments.grid_results import Results
from experiments.grid_tables import Table
from experiments.grid_words import INTRO, QUICK_NOTE

TITLE: Final = "Evaluation of the detector"
_NUMBERS: Final = re.compile(r' (?:d|x|y|width|height|points)="[^"]*"')
_BELOW_TENTHS: Final = re.compile(r"(?<=\d\.\d)\d+")
_MARKS: Final = {True: "in", False: "out", None: "idle"}


def build_page(results: Results, shown: Iterable[tuple[Exhibit, str]], css: str, command: str) -> str:
    """Return the page; `shown` are the exhibits with their SVG (empty for a table), `css` the style of all reports."""
    parts = [_header(results), *(_exhibit(exhibit, svg) for exhibit, svg in shown)]
    parts.append(
        f"<h2>Made by</h2>\n<p><code>{escape(command)}</code></p>\n<p>Detector: <code>{results.bundle_sha256}</code></p>"
    )
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>{css}</style></head>\n<body>\n<main>\n{body}\n</main></body></html>\n"
    )


def _header(results: Results) -> str:
    protocol, found = results.protocol, goals(results)
    known = [one for one in found if one.met is not None]
    weeks = sum(one.device_weeks for one in results.clean) + (results.fresh.device_weeks if results.fresh else 0.0)
    cards = (
        (f"{sum(bool(one.met) for one in known)} of {len(known)}", "goals met, of those measured"),
        (f"{len(results.headline.attacked):,}", "attacked devices judged"),
        (str(len(results.cases)), "attacks times levels"),
        (f"{weeks:.0f}", "clean device-weeks"),
        (f"{protocol.enrolment_min // 60} h", "enrolment"),
        (f"{results.headline.judge.threshold:.2f}", "threshold, on the common scale"),
        (str(protocol.seed), "seed"),
        (results.bundle_sha256[:12], "detector"),
    )
    listed = "".join(f"<li><strong>{escape(value)}</strong><span>{escape(key)}</span></li>" for value, key in cards)
    quick = "" if protocol.relearnt else f'<p class="verdict failed"><strong>Quick.</strong> {escape(QUICK_NOTE)}</p>\n'
    return f'<h1>{TITLE}</h1>\n<p class="soft">{escape(INTRO)}</p>\n{quick}<ul class="cards">{listed}</ul>'


def _exhibit(exhibit: Exhibit, svg: str) -> str:
    body = _table(exhibit.shown) if isinstance(exhibit.shown, Table) else f"<figure>{_compact(svg)}</figure>"
    return (
        f'<h2 id="{exhibit.name}">{escape(exhibit.title)}</h2>\n<p class="soft">{escape(exhibit.reading)}</p>\n{body}'
    )


def _compact(svg: str) -> str:
    """The same picture in fewer bytes: tenths of a point are fine enough."""
    return _NUMBERS.sub(lambda numbers: _BELOW_TENTHS.sub("", numbers[0]), svg)


def _table(table: Table) -> str:
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.head)
    marks: list[str | None] = [_MARKS[mark] for mark in table.marks] or [None for _ in table.rows]
    rows = "".join(_row(row, mark) for row, mark in zip(table.rows, marks, strict=True))
    return f"<div class='wide'><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"


def _row(row: tuple[str, ...], mark: str | None) -> str:
    first, *rest = row
    cells = [f'<td class="n">{escape(cell)}</td>' for cell in rest]
    if mark is not None:
        cells[-1] = f'<td class="{mark}">{escape(rest[-1])}</td>'
    return f'<tr><th scope="row">{escape(first)}</th>{"".join(cells)}</tr>'
