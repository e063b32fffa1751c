"""The report of an evaluation, section by section, and the pictures that may be published: nobody's vital signs are in them."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.report import tables
from experiments.evaluation.report.figures import ablation_figure, days_figure, detection_figure, map_figure
from experiments.evaluation.report.strips import strips
from experiments.evaluation.report.words import Document, clean_sentences, data_sentences, headline, per_cent, whose
from experiments.report.figures import STYLE, to_picture, to_svg
from experiments.report.page import Cover, Section, Shown, page_of

TITLE: Final = "How well the detector does"
READING: Final = {
    "goals": (
        "Shares are means over attacks of the share of onsets; their intervals draw patients again. Intervals of rates are Poisson's. "
        "n counts onsets, exclusions, devices or device-weeks."
    ),
    "detection": "The share of devices under one of the five core attacks that is excluded, by the hours since the attack began.",
    "attacks": (
        "Per cent of attacked devices excluded in time. Attacks with a star were learnt from, on other patients; the others never."
    ),
    "days": "Exclusions of clean devices by the age of their baseline. Bars: the mean of the seeds; lines: its Poisson interval.",
    "strips": (
        "Each exclusion of a clean device, with its vital signs. Scores are -log10 of the false exclusions a device-week that a vote "
        "as high would cost: 1 is one in ten weeks. Red: from the exclusion to the last flagged decision."
    ),
    "slow": (
        "Strong attacks that fade in over days and are then held for one, from the third day on. The baseline learns what is not flagged. "
        "Capped: its mean may move by half an enrolment's standard deviation a day."
    ),
    "families": "The family, and every random distortion that resembles it, was left out of what the DNNs learn from.",
    "ablations": (
        "How much more the detector finds than the changed one, paired by onset, at the budget at which both exclude about as often by "
        "mistake; in brackets how often the changed one does. Another seed of the same detector is the control."
    ),
    "baselines": "Fitted on the same folds, with the same budget; the last three decisions vote.",
    "enrolments": "Everybody enrolled for as long, on the core attacks.",
    "budgets": "The first seed with limits for other budgets.",
    "seeds": "Each seed draws onsets, attacks, folds and weights anew; the patients stay the same.",
    "simulated": (
        "Judged by the folds of the judged patients. An attacker who reaches heart rate and breathing but not the pulse meets the pulse rule."
    ),
}


def build_page(document: Document, cohort: Cohort) -> str:
    """Return report.html; blocks for some seconds, as it draws every figure."""
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
        return page_of(Cover(TITLE, headline(document), cards), list(sections(document, cohort)), document["command"])


def sections(document: Document, cohort: Cohort) -> Iterator[Section]:
    """Yield the sections, those without figures of their own left out."""
    figures = {name: to_svg(figure, name, READING[name]) for name, figure in published(document)}
    yield Section("data", "On whom", data_sentences(document))
    yield _section("goals", "Goals", tables.goals_table(document))
    yield _section("detection", "How soon attacks are found", figures["detection"])
    yield _section("attacks", "Every attack and level", figures["attacks"], tables.attacks_table(document))
    reading = f"{READING['days']}\n{clean_sentences(document)}"
    shown = (figures["days"], tables.days_table(document))
    yield Section("days", "Clean devices excluded", reading, shown)
    drawn = [
        f"{to_svg(one.figure, f'strip-{place}', one.caption)}<figcaption>{escape(one.caption)}</figcaption>"
        for place, one in enumerate(strips(document, cohort))
    ]
    if drawn:
        yield Section("strips", "Every false exclusion", READING["strips"], drawn)
    yield from _side_sections(document, figures)
    yield _section("seeds", "Each seed", tables.seeds_table(document))
    yield _section("budgets", "Other limits", tables.budgets_table(document))
    if document["simulated"]:
        yield _section("simulated", "Simulated patients", tables.simulated_table(document))
    if document["data"]["is_real"]:
        yield Section("former", "The detector before", "It is not run again.", (tables.former_table(document),))


def _side_sections(document: Document, figures: dict[str, str]) -> Iterator[Section]:
    if document["slow"]:
        yield _section("slow", "Attacks that grow over days", tables.slow_table(document))
    if not document["ablations"]:
        return
    yield _section("families", "A family never learnt", tables.families_table(document))
    yield _section("ablations", "What each part earns", figures["ablations"], tables.ablations_table(document))
    yield _section("baselines", "Simple detectors", tables.baselines_table(document))
    yield _section("enrolments", "Enrolment", tables.enrolments_table(document))


def _section(name: str, title: str, *shown: Shown) -> Section:
    return Section(name, title, READING[name], shown)


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
        return {f"{name}.svg": to_picture(figure, READING[name]) for name, figure in published(document)}
