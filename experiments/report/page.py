"""A study's report as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from experiments.report.tables import Table, table_html

Shown = Table | str
"""A table, or a picture as SVG."""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page; `name` is its anchor, `reading` says how to read it, above or below what is shown."""

    name: str
    title: str
    reading: str
    shown: Sequence[Shown] = ()
    reading_first: bool = True


@dataclass(frozen=True, slots=True)
class Cover:
    """The top of a page: its title, what it is about, and a few numbers with their names."""

    title: str
    intro: str
    cards: Sequence[tuple[str, str]] = ()


def page_of(cover: Cover, sections: Iterable[Section], made_by: str, css: str) -> str:
    """Return the page; `made_by` is the command, `css` the style of all reports."""
    cards = "".join(
        f"<li><strong>{escape(value)}</strong><span>{escape(name)}</span></li>" for value, name in cover.cards
    )
    title = escape(cover.title)
    parts = [
        f'<h1>{title}</h1>\n<p class="soft">{escape(cover.intro)}</p>\n<ul class="cards">{cards}</ul>',
        *map(_section, sections),
        f"<h2>Made by</h2>\n<p><code>{escape(made_by)}</code></p>",
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{css}</style></head>\n<body>\n<main>\n{body}\n</main></body></html>\n"
    )


def _section(one: Section) -> str:
    shown = [table_html(item) if isinstance(item, Table) else f"<figure>{item}</figure>" for item in one.shown]
    reading = "".join(f'<p class="soft">{escape(part)}</p>' for part in one.reading.split("\n") if part)
    inner = [reading, *shown] if one.reading_first else [*shown, reading]
    return "\n".join([f'<h2 id="{escape(one.name)}">{escape(one.title)}</h2>', *inner])
