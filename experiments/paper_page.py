"""The reproduction as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from experiments.paper_exhibits import Exhibit
from experiments.paper_inputs import LEVEL
from experiments.paper_study import Study
from experiments.paper_tables import Table, patient_table
from experiments.paper_words import INTRO, NOT_REPRODUCED, data_sentence

TITLE: Final = "The paper's tables and figures, and the honest ones"


def build_page(study: Study, shown: Iterable[tuple[Exhibit, str]], css: str, command: str) -> str:
    """Return the page; `shown` are the exhibits with their SVG (empty for a table), `css` the style of all reports."""
    parts = [_header(study), *(_exhibit(exhibit, svg) for exhibit, svg in shown)]
    parts.append(f"<h2>Not reproduced</h2>\n<p>{escape(NOT_REPRODUCED)}</p>")
    parts.append(f"<h2>Made by</h2>\n<p><code>{escape(command)}</code></p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>{css}</style></head>\n<body>\n<main>\n{body}\n</main></body></html>\n"
    )


def _header(study: Study) -> str:
    plan = study.plan
    cards = (
        (str(len(study.recordings)), "patients"),
        (f"{sum(one.minutes for one in study.recordings):,}", "minutes"),
        (str(plan.autoencoder_epochs), "epochs of the autoencoder"),
        (str(plan.classifier_epochs), "epochs of the DNN"),
        (LEVEL, "level of the attacks"),
        (str(plan.seed), "seed"),
    )
    listed = "".join(f"<li><strong>{escape(value)}</strong><span>{escape(key)}</span></li>" for value, key in cards)
    return (
        f'<h1>{TITLE}</h1>\n<p class="soft">{escape(INTRO)}</p>\n<ul class="cards">{listed}</ul>\n'
        f"<h2>Data</h2>\n<p>{escape(data_sentence(study)).replace('`', '')}</p>\n{_table(patient_table(study))}"
    )


def _exhibit(exhibit: Exhibit, svg: str) -> str:
    body = _table(exhibit.shown) if isinstance(exhibit.shown, Table) else f"<figure>{svg}</figure>"
    return f'<h2 id="{exhibit.name}">{escape(exhibit.title)}</h2>\n{body}\n<p class="soft">{escape(exhibit.difference)}</p>'


def _table(table: Table) -> str:
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f'<td class="n">{escape(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in table.rows
    )
    return f"<div class='wide'><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
