"""A report as one HTML page that needs nothing else; text is escaped, pictures are taken as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from experiments.report.tables import Table

Shown = Table | str
"""A table, or a picture as SVG."""
CLASSES: Final = {True: "in", False: "out", None: "idle"}
"""How the style sheet names a cell that is marked good, bad, or neither."""


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


def page_of(cover: Cover, sections: Iterable[Section], made_by: str) -> str:
    """Return the page; `made_by` is the command."""
    return rendered("page.html", cover, sections=sections, made_by=made_by, classes=CLASSES)


def rendered(template: str, cover: Cover, packages: Sequence[str] = (), **values: Any) -> str:
    """Return a template of these reports, or of other `packages` that extends base.html, with its values filled in."""
    folders = ChoiceLoader([PackageLoader(name) for name in ("experiments.report", *packages)])
    environment = Environment(
        loader=folders,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**asdict(cover), **values)
