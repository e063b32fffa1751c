"""The report of an evaluation, section by section, and the pictures that may be published: nobody's vital signs are in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.report import tables
from experiments.evaluation.report.figures import ablation_figure, days_figure, detection_figure, map_figure, strips
from experiments.evaluation.report.words import PACKAGE, Document, per_cent, sentences, whose
from experiments.report.figures import STYLE, to_picture, to_svg
from experiments.report.page import Cover, Section, Titled, page_of, said, sections_of

TITLE: Final = "How well the detector does"


def build_page(document: Document, cohort: Cohort) -> str:
    """Return report.html. Blocks for some seconds, as it draws every figure."""
    core, clean, data = document["core"], document["clean"], document["data"]
    cards = (
        (str(data["judged"]), f"{whose(document)}, {data['device_weeks']:.1f} device-weeks"),
        (per_cent(core["strong_2h"]["value"]), "strong attacks found within 2 h"),
        (per_cent(core["medium_12h"]["value"]), "medium ones within 12 h"),
        (per_cent(core["subtle_12h"]["value"]), "subtle ones within 12 h"),
        (f"{clean['a_week']['value']:.2f}", "false exclusions a device-week"),
        (per_cent(clean["benign"]), "of judged time a clean device is benign"),
    )
    with mpl.rc_context(STYLE):
        cover = Cover(TITLE, sentences(document, "headline"), cards)
        return page_of(cover, list(sections(document, cohort)), document["command"])


def sections(document: Document, cohort: Cohort) -> Iterator[Section]:
    """Yield the sections, those without figures of their own left out."""
    yield Section("data", "On whom", sentences(document, "data"))
    for section in sections_of(PACKAGE, _titled(document, cohort)):
        reading = f"{section.reading}\n{sentences(document, 'clean')}"
        yield replace(section, reading=reading) if section.name == "days" else section


def _titled(document: Document, cohort: Cohort) -> Iterator[Titled]:
    figures = dict(published(document))
    yield "goals", "Goals", tables.goals_table(document)
    yield "detection", "How soon attacks are found", figures["detection"]
    yield "attacks", "Every attack and level", figures["attacks"], tables.attacks_table(document)
    yield "days", "Clean devices excluded", figures["days"], tables.days_table(document)
    drawn = [
        f"{to_svg(strip.figure, f'strip-{place}', strip.caption)}<figcaption>{escape(strip.caption)}</figcaption>"
        for place, strip in enumerate(strips(document, cohort))
    ]
    if drawn:
        yield "strips", "Every false exclusion", *drawn
    if document["slow"]:
        yield "slow", "Attacks that grow over days", tables.slow_table(document)
    if document["ablations"]:
        yield "families", "A family never learnt", tables.families_table(document)
        yield "ablations", "What each part earns", figures["ablations"], tables.ablations_table(document)
        yield "baselines", "Simple detectors", tables.baselines_table(document)
        yield "enrolments", "Enrolment", tables.enrolments_table(document)
    yield "seeds", "Each seed", tables.seeds_table(document)
    yield "budgets", "Other limits", tables.budgets_table(document)
    if document["simulated"]:
        yield "simulated", "Simulated patients", tables.simulated_table(document)
    if document["data"]["is_real"]:
        yield "former", "The detector before", tables.former_table(document)


def published(document: Document) -> Iterator[tuple[str, Figure]]:
    """Yield the pictures that are made from figures alone, by name."""
    yield "detection", detection_figure(document)
    yield "attacks", map_figure(document)
    yield "days", days_figure(document)
    if document["ablations"]:
        yield "ablations", ablation_figure(document)


def picture_files(document: Document) -> dict[str, str]:
    """Return these pictures as files by name."""
    with mpl.rc_context(STYLE):
        return {f"{name}.svg": to_picture(figure, said(PACKAGE, name)) for name, figure in published(document)}
