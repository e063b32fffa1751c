"""A report as one HTML page that needs nothing else. Text is escaped, pictures are taken as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from matplotlib.figure import Figure

from experiments.report.figures import to_svg
from experiments.report.tables import Table

Shown = Table | str
"""A table, or a picture as SVG."""
Titled = tuple[str, str, *tuple[Shown | Figure, ...]]
"""A section to be: its name, its title, and what is shown."""
CLASSES: Final = {True: "in", False: "out", None: "idle"}
"""How the style sheet names a cell that is marked good, bad, or neither."""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page. `name` is its anchor, `reading` says how to read it, above or below what is shown."""

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


def sections_of(
    package: str, titled: Iterable[Titled], *, reading_first: bool = True, **values: Any
) -> Iterator[Section]:
    """Yield each section. The block of its name in the package's words.jinja says how to read it (see `said`)."""
    for name, title, *shown in titled:
        reading = said(package, name.replace("-", "_"), **values)
        drawn = [to_svg(item, name, reading) if isinstance(item, Figure) else item for item in shown]
        yield Section(name, title, reading, drawn, reading_first)


def page_of(cover: Cover, sections: Iterable[Section], made_by: str) -> str:
    """Return the page. `made_by` is the command."""
    return rendered("page.html", cover, sections=sections, made_by=made_by, classes=CLASSES)


def rendered(template: str, cover: Cover, package: str = "experiments.report", **values: Any) -> str:
    """Return a template of these reports, or of another `package` that extends base.html, with its values filled in."""
    return _templates(package).get_template(template).render(**asdict(cover), **values)


def said(package: str, block: str, **values: Any) -> str:
    """Return a block of the words.jinja in a package's folder as one paragraph. `values` are what it speaks of.

    Raises KeyError for a block that is not there, and jinja2's UndefinedError for a value that is missing.
    """
    template = _templates(package).get_template("words.jinja")
    return " ".join("".join(template.blocks[block](template.new_context(values))).split())


@cache
def _templates(package: str) -> Environment:
    folders = [PackageLoader("experiments.report"), PackageLoader(package, ".")]
    environment = Environment(
        loader=ChoiceLoader(folders),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["fmt"] = format
    return environment
