"""The cohort report as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from experiments.cohort_measure import Measured
from experiments.cohort_membership import Membership
from experiments.cohort_pictures import Picture
from experiments.cohort_report import CohortReport, Comparison
from experiments.cohort_words import findings, number, place_word

_INTRO = (
    "The detector is trained and its limits are set on synthetic patients. This page holds them against real recordings: "
    "statistic by statistic for whole groups, and record by record for real minutes."
)
_READING = (
    "KS is the Kolmogorov-Smirnov distance (0 equal, 1 fully apart) with its 95 % bootstrap interval; by chance is what 95 % of "
    "random splits of the same patients stay below, and a distance up to it counts as none seen; up to 0.2 is small, from 0.35 "
    "large. W is the first Wasserstein distance in pooled standard deviations. Values are medians over patients (10th to 90th "
    "percentile). Synthetic patients are cut to the real lengths, charts are compared at one whole number an hour."
)
_SHORTER: Final = tuple(
    (re.compile(pattern), short)
    for pattern, short in (
        (r" font-family: [^;]*;", " font-family: sans-serif;"),
        (r' transform="rotate\(-0 [^"]*"', ""),
        (r'<g id="[^"]*"', "<g"),
        (r">\s+<", "><"),
    )
)
_COORDINATES: Final = re.compile(r' (?:d|x|y|width|height)="[^"]*"')
_BELOW_TENTHS: Final = re.compile(r"(?<=\d\.\d)\d+")
_STRAIGHT_PATH: Final = re.compile(r' d="[MLz\d\s.-]*"')
_LINE_TO: Final = re.compile(r" ?\nL ")  # after a move or a line, further points are lines without saying so


def build_page(report: CohortReport, drawn: Iterable[tuple[Picture, str]], css: str, command: str) -> str:
    """Return the page; `drawn` are the pictures with their SVG, `css` the style of all reports."""
    parts = [_header(report), _findings(report)]
    parts += [_figure(picture, svg) for picture, svg in drawn]
    parts.append(f'<h2>Distances</h2>\n<p class="soft">{_READING}</p>')
    parts += [
        _distances(measured, comparisons)
        for measured, comparisons in zip(report.measured, report.comparisons, strict=True)
        if comparisons
    ]
    parts += [_places(member) for member in report.members]
    parts.append(f"<h2>Made by</h2>\n<p><code>{escape(command)}</code></p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Synthetic cohort against real recordings</title>\n<style>{css}</style></head>\n"
        f"<body>\n<main>\n{body}\n</main></body></html>\n"
    )


def _header(report: CohortReport) -> str:
    plan = report.plan
    real = sum(len(measured.group.recordings) for measured in report.measured)
    cards = (
        (str(plan.patients), "synthetic patients"),
        (f"{plan.days} days", "each, minute by minute"),
        (f"{plan.deteriorating_share:.0%}", "of them deteriorate"),
        (str(plan.seed), "seed"),
        (str(real), "real recordings"),
        (str(len(report.measured)), "sources and scales"),
    )
    shown = "".join(f"<li><strong>{escape(value)}</strong><span>{escape(key)}</span></li>" for value, key in cards)
    return f'<h1>Synthetic cohort against real recordings</h1>\n<p class="soft">{_INTRO}</p>\n<ul class="cards">{shown}</ul>'


def _findings(report: CohortReport) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in findings(report))
    return f"<h2>What is found</h2>\n<ul>{items}</ul>"


def _figure(picture: Picture, svg: str) -> str:
    return (
        f"<h2>{escape(picture.title)}</h2>\n<figure>{_compact(svg)}"
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _compact(svg: str) -> str:
    """The same picture in half of the bytes: tenths of a point, implicit line commands, the page's own font."""
    for pattern, short in _SHORTER:
        svg = pattern.sub(short, svg)
    svg = _COORDINATES.sub(lambda numbers: _BELOW_TENTHS.sub("", numbers[0]), svg)
    return _STRAIGHT_PATH.sub(lambda path: _LINE_TO.sub(" ", path[0]), svg)


def _distances(measured: Measured, comparisons: Sequence[Comparison]) -> str:
    rows = "".join(_distance_row(one) for one in comparisons)
    left_out = f"; {measured.group.left_out} left out" if measured.group.left_out else ""
    return _table(
        f"{measured.group.name}: {len(measured.group.recordings)} real recordings{left_out}",
        ("statistic", "n real", "n synthetic", "real", "synthetic", "KS", "by chance", "W", "difference"),
        rows,
    )


def _distance_row(one: Comparison) -> str:
    apart = one.distance
    cells = (
        str(one.n_real),
        str(one.n_synthetic),
        _spread(one.real_quantiles),
        _spread(one.synthetic_quantiles),
        f"{apart.ks:.2f} ({apart.ks_interval[0]:.2f} to {apart.ks_interval[1]:.2f})",
        f"{apart.ks_by_chance:.2f}",
        f"{apart.wasserstein:.2f} ({apart.wasserstein_interval[0]:.2f} to {apart.wasserstein_interval[1]:.2f})",
    )
    css = {"large": "out", "none seen": "in"}.get(apart.size, "idle")
    return _row(one.statistic.axis, cells, f'<td class="{css}">{apart.size}</td>')


def _places(member: Membership) -> str:
    rows = "".join(
        _row(
            place.statistic.axis,
            (
                number(place.value),
                str(place.n_synthetic),
                number(place.median),
                f"{number(place.low)} to {number(place.high)}",
                f"{place.percentile:.0f}",
            ),
            f'<td class="{"out" if place.outside else "in"}">{place_word(place)}</td>',
        )
        for place in member.places
    )
    head = ("statistic", "the record", "n synthetic", "median", "central 95 %", "percentile", "lies")
    return _table(f"{member.device_id} ({member.minutes} minutes) among synthetic patients of its length", head, rows)


def _spread(quantiles: Sequence[float]) -> str:
    low, middle, high = (number(value) for value in quantiles)
    return f"{middle} ({low} to {high})"


def _row(head: str, cells: Sequence[str], last: str) -> str:
    numbers = "".join(f'<td class="n">{escape(cell)}</td>' for cell in cells)
    return f'<tr><th scope="row">{escape(head)}</th>{numbers}{last}</tr>'


def _table(caption: str, head: Sequence[str], rows: str) -> str:
    columns = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    return (
        f"<div class='wide'><table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
